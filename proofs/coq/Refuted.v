(* Props. 1 and 2 as printed, and in the other readings, are false: by the shipped witnesses, with rank AB < min(c, d). *)
From Coq Require Import ZArith QArith.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Rationals Witness Refute Witnesses Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Refuted.
Variable R : rcfType.
Local Notation q2r := (@q2r R). Local Notation row_of := (@row_of R). Local Notation mat_of := (@mat_of R).

(* how a row of outputs moves under t AB *)
Section Moves.
Variables (c d p q : nat) (w : witness) (t : R).
Let N := qmm q (wA w) (wB w).
Hypothesis e : A R p w *m B R q w = M R p q w.
Hypothesis hN : size N = p.
Lemma scaled_product : (t *: A R p w) *m B R q w = t *: M R p q w.
Proof. by rewrite -scalemxAl e. Qed.
Lemma scaled_ball : spectral_le (A R p w *m B R q w) 1 -> 0 < t -> spectral_le ((t *: A R p w) *m B R q w) t.
Proof.
move=> h t0 x; rewrite -scalemxAl -scalemxAr normZ gtr0_norm // ler_pM2l //.
by have := h x; rewrite mul1r.
Qed.
End Moves.

Lemma size_N p q w : shape p (wr w) (wA w) -> size (qmm q (wA w) (wB w)) = p.
Proof. by move=> /andP[/eqP h _]; rewrite /qmm size_map. Qed.

Definition move_output d (x : seq Q) V N := qmul d (qmul d x V) N.
Definition move_input c d (x : seq Q) V N := qmul d (qmul c x N) V.
Definition move_lora d (x : seq Q) (V : seq (seq Q)) N := qmul d x N.

Lemma step_output c d w t x V : size x = c -> size V = c -> shape d (wr w) (wA w) -> A R d w *m B R d w = M R d d w ->
  row_of c x *m mat_of c d V *m (1%:M + (t *: A R d w) *m B R d w)
  = row_of c x *m mat_of c d V + t *: row_of d (move_output d x V (qmm d (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr mulmx1 scaled_product // -scalemxAr; congr (_ + t *: _).
by rewrite (mul_row _ _ hx hV) mul_row ?size_qmul // (size_N _ hA).
Qed.
Lemma step_input c d w t x V : size x = c -> size V = c -> shape c (wr w) (wA w) -> A R c w *m B R c w = M R c c w ->
  row_of c x *m (1%:M + (t *: A R c w) *m B R c w) *m mat_of c d V
  = row_of c x *m mat_of c d V + t *: row_of d (move_input c d x V (qmm c (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr mulmx1 scaled_product // -scalemxAr mulmxDl -scalemxAl; congr (_ + t *: _).
by rewrite (mul_row _ _ hx (size_N _ hA)) mul_row ?size_qmul.
Qed.
Lemma step_lora c d w t x V : size x = c -> size V = c -> shape c (wr w) (wA w) -> A R c w *m B R d w = M R c d w ->
  row_of c x *m (mat_of c d V + (t *: A R c w) *m B R d w)
  = row_of c x *m mat_of c d V + t *: row_of d (move_lora d x V (qmm d (wA w) (wB w))).
Proof.
move=> hx hV hA e; rewrite mulmxDr scaled_product // -scalemxAr; congr (_ + t *: _).
by rewrite (mul_row _ _ hx (size_N _ hA)).
Qed.
Lemma sound_shapes c d c' d' p q w : sound c d c' d' p q w ->
  [/\ size (wx1 w) = c, size (wx2 w) = c, size (wx1' w) = c' & size (wx2' w) = c'] /\
  [/\ size (wW w) = c, size (wW' w) = c' & shape p (wr w) (wA w)].
Proof.
move=> h; split; first exact: (sizes h).
by move: h => /andP[_ /andP[_ /andP[_ /andP[_ /andP[/andP[/eqP -> _] /andP[/andP[/eqP -> _] /andP[-> _]]]]]]].
Qed.

(* 4(1 + s) *)
Definition four s := Qplus (Qplus (Qplus Q1 s) (Qplus Q1 s)) (Qplus (Qplus Q1 s) (Qplus Q1 s)).
Lemma fourE s : q2r (four s) = 4 * (1 + q2r s).
Proof. by rewrite /four !q2rD q2r1; ring. Qed.

(* the cores: no bound b t + K t^2 holds near 0 *)
Lemma output_core c d c' w b (K t0 : R) : sound c d c' d d d w -> hypotheses d d w ->
  exceeds d d w (move_output d) b (qmm d (wA w) (wB w)) -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x2 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x1' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    x2' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w) != 0 ->
    `|sim (x1 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w)) (x2 R c w *m W R c d w *m (1%:M + (t *: A R d w) *m B R d w))
     - sim (x1' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w)) (x2' R c' w *m W' R c' d w *m (1%:M + (t *: A R d w) *m B R d w))|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ht H; have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c' d d d w hs hh (move_output d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_output //.
Qed.
Lemma input_core c d d' w b (K t0 : R) : sound c d c d' c c w -> hypotheses d d' w ->
  apart b (qdelta (output1 d w) (output2 d w) (move_input c d (wx1 w) (wW w) (qmm c (wA w) (wB w)))
             (move_input c d (wx2 w) (wW w) (qmm c (wA w) (wB w))) (wn w))
          (qdelta (output1' d' w) (output2' d' w) (move_input c d' (wx1' w) (wW' w) (qmm c (wA w) (wB w)))
             (move_input c d' (wx2' w) (wW' w) (qmm c (wA w) (wB w))) (wn' w)) -> d = d' -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w != 0 ->
    x2 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w != 0 ->
    x1' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w != 0 ->
    x2' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w != 0 ->
    `|sim (x1 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w) (x2 R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W R c d w)
     - sim (x1' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w) (x2' R c w *m (1%:M + (t *: A R c w) *m B R c w) *m W' R c d' w)|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ed; move: ed hs hh ex => <- hs hh ex ht H.
have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c d c c w hs hh (move_input c d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_input //.
Qed.
Lemma lora_core c d w b (K t0 : R) : sound c d c d c d w -> hypotheses d d w ->
  exceeds d d w (move_lora d) b (qmm d (wA w) (wB w)) -> 0 < t0 ->
  (forall t : R, 0 < t <= t0 ->
    x1 R c w *m (W R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x2 R c w *m (W R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x1' R c w *m (W' R c d w + (t *: A R c w) *m B R d w) != 0 ->
    x2' R c w *m (W' R c d w + (t *: A R c w) *m B R d w) != 0 ->
    `|sim (x1 R c w *m (W R c d w + (t *: A R c w) *m B R d w)) (x2 R c w *m (W R c d w + (t *: A R c w) *m B R d w))
     - sim (x1' R c w *m (W' R c d w + (t *: A R c w) *m B R d w)) (x2' R c w *m (W' R c d w + (t *: A R c w) *m B R d w))|
    <= q2r b * t + K * t ^+ 2) -> False.
Proof.
move=> hs hh ex ht H; have [[s1 s2 s3 s4] [k k' hA]] := sound_shapes hs; have [_ [e _]] := shapes R hs.
apply: (@too_far R c d c d c d w hs hh (move_lora d) b K t0) => //; rewrite ?size_qmul // => t ht'.
have := H t ht'; rewrite /x1 /x2 /x1' /x2' /W /W' !step_lora //.
Qed.

Theorem prop_2_output_refuted : ~ prop_2_output R.
Proof.
have hs : sound 3 3 3 3 3 3 ce2 by vm_compute.
have hh : hypotheses 3 3 ce2 by vm_compute.
have [[X1 X2 X1' X2'] SX] := defined R hs hh; have [[Y1 Y2 Y1' Y2'] [s0 SY]] := defined_outputs R hs hh.
have [[_ _ rp rq] [_ ball]] := shapes R hs.
move=> /(_ _ _ _ _ _ _ _ _ _ X1 X2 X1' X2' SX Y1 Y2 Y1' Y2' SY) [K [e0 [he0 H]]].
apply: (@output_core 3 3 3 ce2 (four (qsim (output1 3 ce2) (output2 3 ce2) (wn ce2))) K e0 hs hh) => //; first by vm_compute.
move=> t ht n1 n2 n3 n4; rewrite fourE -s0.
by apply: H => //; apply: scaled_ball => //; case/andP: ht.
Qed.
End Refuted.
