(* From a checked witness to the falsity of a bound to first order, for each placement. *)
From Coq Require Import ZArith QArith.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Rationals Witness.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Definition shape m n (M : seq (seq Q)) := (size M == m) && all (fun r => size r == n) M.
Definition sound c d c' d' p q (w : witness) := [&& size (wx1 w) == c, size (wx2 w) == c, size (wx1' w) == c',
  size (wx2' w) == c', shape c d (wW w), shape c' d' (wW' w), shape p (wr w) (wA w), shape (wr w) q (wB w),
  (wr w < p)%N, (wr w < q)%N & certified p (qmm q (wA w) (wB w)) (wds w)].
Definition output1 d w := qmul d (wx1 w) (wW w). Definition output2 d w := qmul d (wx2 w) (wW w).
Definition output1' d w := qmul d (wx1' w) (wW' w). Definition output2' d w := qmul d (wx2' w) (wW' w).
Definition hypotheses d d' w := [&& nonzero (wx1 w), nonzero (wx2 w), nonzero (wx1' w), nonzero (wx2' w),
  same_sim (wx1 w) (wx2 w) (wx1' w) (wx2' w), nonzero (output1 d w), nonzero (output2 d w), nonzero (output1' d' w),
  nonzero (output2' d' w), root (output1 d w) (output2 d w) (wn w), root (output1' d' w) (output2' d' w) (wn' w)
  & Qeq_bool (qsim (output1 d w) (output2 d w) (wn w)) (qsim (output1' d' w) (output2' d' w) (wn' w))].
(* b is less than the difference of the first-order terms, where the outputs move along dy1, dy2, dy1', dy2' *)
Definition exceeds d d' w (dy : seq Q -> seq (seq Q) -> seq (seq Q) -> seq Q) (b : Q) (M : seq (seq Q)) :=
  apart b (qdelta (output1 d w) (output2 d w) (dy (wx1 w) (wW w) M) (dy (wx2 w) (wW w) M) (wn w))
          (qdelta (output1' d' w) (output2' d' w) (dy (wx1' w) (wW' w) M) (dy (wx2' w) (wW' w) M) (wn' w)).

Section Refute.
Variable R : rcfType.
Local Notation q2r := (@q2r R). Local Notation row_of := (@row_of R). Local Notation mat_of := (@mat_of R).

Section Facts.
Variables (c d c' d' p q : nat) (w : witness).
Hypotheses (hs : sound c d c' d' p q w) (hh : hypotheses d d' w).
Definition W := mat_of c d (wW w). Definition W' := mat_of c' d' (wW' w).
Definition x1 := row_of c (wx1 w). Definition x2 := row_of c (wx2 w).
Definition x1' := row_of c' (wx1' w). Definition x2' := row_of c' (wx2' w).
Definition A := mat_of p (wr w) (wA w). Definition B := mat_of (wr w) q (wB w).
Definition M := mat_of p q (qmm q (wA w) (wB w)).

Lemma sizes : [/\ size (wx1 w) = c, size (wx2 w) = c, size (wx1' w) = c' & size (wx2' w) = c'].
Proof. by move: hs => /andP[/eqP -> /andP[/eqP -> /andP[/eqP -> /andP[/eqP -> _]]]]. Qed.
Lemma shapes : [/\ size (wW w) = c, size (wW' w) = c', (wr w < p)%N & (wr w < q)%N] /\ A *m B = M /\ spectral_le (A *m B) 1.
Proof.
move: hs => /andP[_ /andP[_ /andP[_ /andP[_ /andP[/andP[/eqP -> _] /andP[/andP[/eqP -> _]]]]]]].
move=> /andP[/andP[/eqP sA rA] /andP[/andP[/eqP sB rB] /andP[-> /andP[-> cert]]]].
have e : A *m B = M by apply: mul_mat.
split=> //; split=> //; rewrite e; apply: (@certified_le _ _ _ _ (wds w)) => //; first by rewrite /qmm size_map.
by apply/(all_nthP [::]) => i; rewrite size_map => hi; rewrite (nth_map [::]) // size_qmul.
Qed.
Lemma images : [/\ x1 *m W = row_of d (output1 d w), x2 *m W = row_of d (output2 d w),
  x1' *m W' = row_of d' (output1' d' w) & x2' *m W' = row_of d' (output2' d' w)].
Proof.
have [s1 s2 s3 s4] := sizes; have [[k k' _ _] _] := shapes.
by split; apply: mul_row.
Qed.
Lemma defined : [/\ x1 != 0, x2 != 0, x1' != 0 & x2' != 0] /\ sim x1 x2 = sim x1' x2'.
Proof.
have [s1 s2 s3 s4] := sizes; move: hh => /andP[n1 /andP[n2 /andP[n3 /andP[n4 /andP[ss _]]]]].
by split; [split; exact: nonzero_row|exact: same_simP].
Qed.
Lemma defined_outputs : [/\ x1 *m W != 0, x2 *m W != 0, x1' *m W' != 0 & x2' *m W' != 0] /\
  sim (x1 *m W) (x2 *m W) = q2r (qsim (output1 d w) (output2 d w) (wn w)) /\
  sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W').
Proof.
have [-> -> -> ->] := images.
move: hh => /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[n1 /andP[n2 /andP[n3 /andP[n4 /andP[r1 /andP[r2]]]]]]]]]]].
move/(q2r_eq R) => e; split; first by split; apply: nonzero_row => //; exact: size_qmul.
have s1 := qsimP R (size_qmul d (wx1 w) (wW w)) (size_qmul d (wx2 w) (wW w)) r1.
have s2 := qsimP R (size_qmul d' (wx1' w) (wW' w)) (size_qmul d' (wx2' w) (wW' w)) r2.
by split=> //; rewrite s1 s2.
Qed.

(* the outputs move along rows of rationals *)
Lemma too_far (dy : seq Q -> seq (seq Q) -> seq (seq Q) -> seq Q) (b : Q) (K t0 : R) :
  let z1 := dy (wx1 w) (wW w) (qmm q (wA w) (wB w)) in let z2 := dy (wx2 w) (wW w) (qmm q (wA w) (wB w)) in
  let z1' := dy (wx1' w) (wW' w) (qmm q (wA w) (wB w)) in let z2' := dy (wx2' w) (wW' w) (qmm q (wA w) (wB w)) in
  size z1 = d -> size z2 = d -> size z1' = d' -> size z2' = d' ->
  exceeds d d' w dy b (qmm q (wA w) (wB w)) -> 0 < t0 ->
  (forall t, 0 < t <= t0 ->
    x1 *m W + t *: row_of d z1 != 0 -> x2 *m W + t *: row_of d z2 != 0 ->
    x1' *m W' + t *: row_of d' z1' != 0 -> x2' *m W' + t *: row_of d' z2' != 0 ->
    `|sim (x1 *m W + t *: row_of d z1) (x2 *m W + t *: row_of d z2)
     - sim (x1' *m W' + t *: row_of d' z1') (x2' *m W' + t *: row_of d' z2')| <= q2r b * t + K * t ^+ 2) ->
  False.
Proof.
move=> z1 z2 z1' z2' h1 h2 h1' h2' /(apartP R) far ht H.
have [[n1 n2 n1' n2'] [_ e]] := defined_outputs.
have := defined_criterion n1 n2 n1' n2' e ht H; have [e1 e2 e1' e2'] := images.
rewrite e1 e2 e1' e2'.
move: hh => /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[_ /andP[r1 /andP[r2 _]]]]]]]]]]].
rewrite (qdeltaP R _ _ h1 h2 r1) ?size_qmul // (qdeltaP R _ _ h1' h2' r2) ?size_qmul //.
by rewrite leNgt far.
Qed.
End Facts.
End Refute.
