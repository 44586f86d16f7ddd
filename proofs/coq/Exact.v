(* Rational instances that Coq computes with, and what they are in a real closed field. *)
From Coq Require Import ZArith QArith Lia.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum ssrint zmodp matrix mxalgebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Rational rows and matrices that Coq computes with, and what they are in a real closed field. *)
Module Rationals.
Import Norms.
Section Rationals.
Variable R : rcfType.

Definition z2r (z : Z) : R := (int_of_Z z)%:~R.
Lemma z2rD a b : z2r (Z.add a b) = z2r a + z2r b.
Proof. by rewrite /z2r -intrD -(raddfD int_of_Z). Qed.
Lemma z2rM a b : z2r (Z.mul a b) = z2r a * z2r b.
Proof. by rewrite /z2r -intrM -(rmorphM int_of_Z). Qed.
Lemma z2rN a : z2r (Z.opp a) = - z2r a.
Proof. by rewrite /z2r -mulrNz -(raddfN int_of_Z). Qed.
Lemma z2r_pos p : 0 < z2r (Zpos p).
Proof. by rewrite /z2r /= ltr0n; apply/ssrnat.ltP; exact: Pos2Nat.is_pos. Qed.
Lemma z2r_ge0 a : Z.le Z0 a -> 0 <= z2r a.
Proof. by case: a => [|p|p] h; [rewrite /z2r|exact: ltW (z2r_pos p)|case: h]. Qed.

Definition Q0 : Q := Qmake Z0 1.
Definition Q1 : Q := Qmake (Zpos 1) 1.
Definition q2r (x : Q) : R := z2r (Qnum x) / z2r (Zpos (Qden x)).
Lemma den0 x : z2r (Zpos (Qden x)) != 0.
Proof. by rewrite gt_eqF // z2r_pos. Qed.
Lemma q2rD a b : q2r (Qplus a b) = q2r a + q2r b.
Proof.
rewrite /q2r /Qplus /= Pos2Z.inj_mul z2rD !z2rM; field; by rewrite !den0.
Qed.
Lemma q2rM a b : q2r (Qmult a b) = q2r a * q2r b.
Proof. rewrite /q2r /Qmult /= Pos2Z.inj_mul !z2rM; field; by rewrite !den0. Qed.
Lemma q2rN a : q2r (Qopp a) = - q2r a.
Proof. by rewrite /q2r /Qopp /= z2rN mulNr. Qed.
Lemma q2r0 : q2r Q0 = 0.
Proof. by rewrite /q2r /z2r /= mul0r. Qed.
Lemma q2r1 : q2r Q1 = 1.
Proof. by rewrite /q2r /z2r /= divr1. Qed.
Lemma q2r_eq a b : Qeq_bool a b -> q2r a = q2r b.
Proof.
move/Qeq_bool_eq; rewrite /Qeq => h; apply/eqP; rewrite /q2r eqr_div ?den0 //; apply/eqP.
by rewrite -!z2rM h.
Qed.
Lemma q2r_le a b : Qle_bool a b -> q2r a <= q2r b.
Proof.
move/Qle_bool_iff; rewrite /Qle => h; rewrite /q2r ler_pdivlMr ?z2r_pos // mulrAC ler_pdivrMr ?z2r_pos //.
rewrite -!z2rM -subr_ge0 -z2rN -z2rD; apply: z2r_ge0; Lia.lia.
Qed.
Lemma q2r_lt a b : ~~ Qle_bool b a -> q2r a < q2r b.
Proof.
move=> /negP h; have {}h : ~ Qle b a by move=> k; apply: h; apply/Qle_bool_iff.
have {}h : Qlt a b by apply: Qnot_le_lt.
move: h; rewrite /Qlt => h; rewrite /q2r ltr_pdivlMr ?z2r_pos // mulrAC ltr_pdivrMr ?z2r_pos //.
rewrite -!z2rM -subr_gt0 -z2rN -z2rD.
have : Z.lt Z0 (Z.add (Z.mul (Qnum b) (Zpos (Qden a))) (Z.opp (Z.mul (Qnum a) (Zpos (Qden b))))) by Lia.lia.
by case: (Z.add _ _) => // p _; exact: z2r_pos.
Qed.

(* rows and matrices are lists *)
Definition row_of n (u : seq Q) : 'rV[R]_n := \row_j q2r (nth Q0 u j).
Definition mat_of m n (M : seq (seq Q)) : 'M[R]_(m, n) := \matrix_(i, j) q2r (nth Q0 (nth [::] M i) j).
Fixpoint qdot (u v : seq Q) : Q := match u, v with a :: u', b :: v' => Qplus (Qmult a b) (qdot u' v') | _, _ => Q0 end.
Definition column (M : seq (seq Q)) (j : nat) : seq Q := [seq nth Q0 r j | r <- M].
Definition qmul n (u : seq Q) (M : seq (seq Q)) : seq Q := [seq qdot u (column M j) | j <- iota 0 n].

Lemma sum_nth n u v : size u = n -> size v = n -> \sum_(j < n) q2r (nth Q0 u j) * q2r (nth Q0 v j) = q2r (qdot u v).
Proof.
elim: n u v => [|n IH] [|a u] [|b v] //=; first by rewrite big_ord0 q2r0.
by move=> [hu] [hv]; rewrite big_ord_recl /= q2rD q2rM -(IH u v hu hv).
Qed.
Lemma dot_row n u v : size u = n -> size v = n -> dot (row_of n u) (row_of n v) = q2r (qdot u v).
Proof. by move=> hu hv; rewrite -(sum_nth hu hv) /dot; apply: eq_bigr => j _; rewrite !mxE. Qed.
Lemma size_qmul n u M : size (qmul n u M) = n.
Proof. by rewrite /qmul size_map size_iota. Qed.
Lemma nth_qmul n u M j : (j < n)%N -> nth Q0 (qmul n u M) j = qdot u (column M j).
Proof. by move=> h; rewrite /qmul (nth_map 0%N) ?size_iota // nth_iota. Qed.
Lemma mul_row m n u M : size u = m -> size M = m -> row_of m u *m mat_of m n M = row_of n (qmul n u M).
Proof.
move=> hu hM; apply/rowP => j; rewrite !mxE nth_qmul // -(@sum_nth m) ?size_map //.
by apply: eq_bigr => i _; rewrite !mxE (nth_map [::]) ?hM.
Qed.
Definition qmm n (A B : seq (seq Q)) := [seq qmul n r B | r <- A].
Lemma mul_mat m k n A B : size A = m -> size B = k -> all (fun r => size r == k) A ->
  mat_of m k A *m mat_of k n B = mat_of m n (qmm n A B).
Proof.
move=> hA hB hr; apply/matrixP => i j; rewrite !mxE (nth_map [::]) ?hA // nth_qmul //.
have hi : size (nth [::] A i) = k by apply/eqP; move/all_nthP: hr; apply; rewrite hA.
by rewrite -(@sum_nth k) ?size_map //; apply: eq_bigr => l _; rewrite !mxE (nth_map [::]) ?hB.
Qed.

(* |xM| <= |x|: I - M M' is a sum of squares d l'l with d >= 0 *)
Definition squares (ds : seq (Q * seq Q)) (i j : nat) : Q :=
  foldr (fun d q => Qplus (Qmult d.1 (Qmult (nth Q0 d.2 i) (nth Q0 d.2 j))) q) Q0 ds.
Definition certified m (M : seq (seq Q)) (ds : seq (Q * seq Q)) : bool :=
  all (fun d => Qle_bool Q0 d.1) ds &&
  all (fun i => all (fun j => Qeq_bool (if i == j then Q1 else Q0)
    (Qplus (qdot (nth [::] M i) (nth [::] M j)) (squares ds i j))) (iota 0 m)) (iota 0 m).

Lemma certified_le m n M ds : size M = m -> all (fun r => size r == n) M -> certified m M ds -> spectral_le (mat_of m n M) 1.
Proof.
move=> hM hr /andP[hd hc] x; rewrite mul1r /norm ler_wsqrtr //.
have hi (i : 'I_m) : size (nth [::] M i) = n by apply/eqP; move/all_nthP: hr; apply; rewrite hM.
have e (i j : 'I_m) : (i == j)%:R = q2r (qdot (nth [::] M i) (nth [::] M j)) + q2r (squares ds i j).
  rewrite -q2rD; move/allP: hc => /(_ i); rewrite mem_iota ltn_ord => /(_ isT)/allP/(_ j).
  rewrite mem_iota ltn_ord => /(_ isT)/q2r_eq <-; rewrite -[i == j]/(val i == val j).
  by case: eqP; rewrite ?q2r0 ?q2r1.
have xx : dot x x = \sum_(i < m) \sum_(j < m) x 0 i * x 0 j * (i == j)%:R.
  apply: eq_bigr => i _; rewrite (bigD1 i) //= big1 => [|j hj]; first by rewrite eqxx mulr1 addr0.
  by rewrite eq_sym (negbTE hj) mulr0.
have xM : dot (x *m mat_of m n M) (x *m mat_of m n M)
    = \sum_(i < m) \sum_(j < m) x 0 i * x 0 j * q2r (qdot (nth [::] M i) (nth [::] M j)).
  rewrite /dot (eq_bigr (fun k => \sum_i \sum_j x 0 i * x 0 j * (mat_of m n M i k * mat_of m n M j k))); last first.
    move=> k _; rewrite !mxE mulr_suml; apply: eq_bigr => i _; rewrite mulr_sumr; apply: eq_bigr => j _; ring.
  rewrite exchange_big; apply: eq_bigr => i _; rewrite exchange_big; apply: eq_bigr => j _.
  rewrite -mulr_sumr -(@sum_nth n) //; congr (_ * _); apply: eq_bigr => k _; by rewrite !mxE.
have sq : 0 <= \sum_(i < m) \sum_(j < m) x 0 i * x 0 j * q2r (squares ds i j).
  elim: ds hd {hc e} => [_|d ds IH /= /andP[/q2r_le d0 /IH h]].
    by apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite /= q2r0 mulr0.
  rewrite q2r0 in d0; rewrite (eq_bigr (fun i : 'I_m => \sum_(j < m) q2r d.1 * ((x 0 i * q2r (nth Q0 d.2 i)) * (x 0 j * q2r (nth Q0 d.2 j)))
     + \sum_(j < m) x 0 i * x 0 j * q2r (squares ds i j))); last first.
    by move=> i _; rewrite -big_split; apply: eq_bigr => j _; rewrite /= q2rD !q2rM; ring.
  rewrite big_split; apply: addr_ge0 => //.
  rewrite (eq_bigr (fun i : 'I_m => q2r d.1 * (x 0 i * q2r (nth Q0 d.2 i) * \sum_(j < m) x 0 j * q2r (nth Q0 d.2 j)))); last first.
    by move=> i _; rewrite !mulr_sumr.
  by rewrite -mulr_sumr -mulr_suml mulr_ge0 // -expr2 sqr_ge0.
rewrite xx xM -subr_ge0 -sumrB; apply: le_trans sq _; apply: ler_sum => i _; rewrite -sumrB; apply: ler_sum => j _.
by rewrite e mulrDr addrAC subrr add0r.
Qed.
End Rationals.
End Rationals.

(* A witness against a bound to first order: rational data, a check that Coq computes, and what follows from it. *)
Module Witness.
Import Norms Cosine FirstOrder Rationals.
Definition Qlt_bool a b := ~~ Qle_bool b a.

(* W (c x d) and W' (c' x d'), four inputs, AB of norm 1 as A (p x r) and B (r x q); the certificate of its norm, a row that
   it does not shorten; the products of the norms of the two outputs of each model; norms of the inputs and of the outputs *)
Record witness := Witness {
  wc : nat; wd : nat; wc' : nat; wd' : nat; wp : nat; wq : nat; wr : nat;
  wW : seq (seq Q); wW' : seq (seq Q); wx1 : seq Q; wx2 : seq Q; wx1' : seq Q; wx2' : seq Q;
  wA : seq (seq Q); wB : seq (seq Q); wds : seq (Q * seq Q); wtop : seq Q; wn : Q; wn' : Q; wlengths : seq (Q * Q) }.

Section Witness.
Variable R : rcfType.
Local Notation q2r := (@q2r R). Local Notation row_of := (@row_of R). Local Notation mat_of := (@mat_of R).

Lemma q2rV a : q2r (Qinv a) = (q2r a)^-1.
Proof.
case: a => [[|p|p] d]; rewrite /q2r /Qinv /Rationals.q2r /=.
- by rewrite /z2r /= !mul0r invr0.
- by rewrite invf_div.
by rewrite -(Pos2Z.opp_pos p) -(Pos2Z.opp_pos d) !z2rN invf_div mulNr invrN mulrN.
Qed.
Lemma q2r_gt0 a : Qlt_bool Q0 a -> 0 < q2r a.
Proof. by move/(q2r_lt R); rewrite q2r0. Qed.
Lemma q2r_neq0 a : Qlt_bool Q0 a -> q2r a != 0.
Proof. by move/q2r_gt0 => h; rewrite gt_eqF. Qed.

Definition nonzero u := Qlt_bool Q0 (qdot u u).
Lemma nonzero_row n u : size u = n -> nonzero u -> row_of n u != 0.
Proof.
move=> hu /q2r_gt0; rewrite -(dot_row R hu hu) => h; apply/eqP => k.
by move: h; rewrite k dot0l ltxx.
Qed.

Definition same_sim u v u' v' :=
  Qle_bool Q0 (Qmult (qdot u v) (qdot u' v')) &&
  Qeq_bool (Qmult (Qmult (qdot u v) (qdot u v)) (Qmult (qdot u' u') (qdot v' v')))
           (Qmult (Qmult (qdot u' v') (qdot u' v')) (Qmult (qdot u u) (qdot v v))).
Lemma same_simP n n' u v u' v' : size u = n -> size v = n -> size u' = n' -> size v' = n' ->
  nonzero u -> nonzero v -> nonzero u' -> nonzero v' -> same_sim u v u' v' ->
  sim (row_of n u) (row_of n v) = sim (row_of n' u') (row_of n' v').
Proof.
move=> su sv su' sv' /q2r_gt0 + /q2r_gt0 + /q2r_gt0 + /q2r_gt0 + /andP[/(q2r_le R) + /(q2r_eq R)].
rewrite q2r0 !q2rM -!(dot_row R su su) -!(dot_row R sv sv) -!(dot_row R su' su') -!(dot_row R sv' sv') -!(dot_row R su sv) -!(dot_row R su' sv').
rewrite /sim; move: (row_of n u) (row_of n v) (row_of n' u') (row_of n' v') => {u v u' v' su sv su' sv'} u v u' v'.
rewrite -!norm_sq => a0 b0 a0' b0' hs heq.
have pos (x : R) : 0 < x ^+ 2 -> 0 <= x -> 0 < x by move=> h k; rewrite lt_def k andbT; apply/eqP => z; move: h; rewrite z expr0n ltxx.
have := pos _ a0 (norm_ge0 u); have := pos _ b0 (norm_ge0 v); have := pos _ a0' (norm_ge0 u'); have := pos _ b0' (norm_ge0 v').
move: (norm u) (norm v) (norm u') (norm v') (dot u v) (dot u' v') hs heq {a0 b0 a0' b0'} => a b a' b' p p' hs heq b0' a0' b0 a0.
have d0 : 0 < a * b by rewrite mulr_gt0. have d0' : 0 < a' * b' by rewrite mulr_gt0.
apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP.
have sq : (p * (a' * b')) ^+ 2 = (p' * (a * b)) ^+ 2 by lra.
have same : 0 <= p * (a' * b') * (p' * (a * b)).
  have -> : p * (a' * b') * (p' * (a * b)) = p * p' * (a * b * (a' * b')) by ring.
  by rewrite mulr_ge0 // mulr_ge0 // ltW.
move/eqP: sq; rewrite eqf_sqr => /orP[/eqP //|/eqP h]; rewrite h; rewrite h in same.
have : (p' * (a * b)) ^+ 2 = 0.
  by apply/eqP; rewrite eq_le sqr_ge0 andbT; rewrite expr2; lra.
by move/eqP; rewrite sqrf_eq0 => /eqP ->; rewrite oppr0.
Qed.

Definition root u v n := Qlt_bool Q0 n && Qeq_bool (Qmult n n) (Qmult (qdot u u) (qdot v v)).
Lemma rootP n u v k : size u = n -> size v = n -> root u v k -> norm (row_of n u) * norm (row_of n v) = q2r k.
Proof.
move=> su sv /andP[/q2r_gt0 h /(q2r_eq R)]; rewrite !q2rM -(dot_row R su su) -(dot_row R sv sv) => e.
by rewrite /norm -sqrtrM ?dot_ge0 // -e -expr2 sqrtr_sqr gtr0_norm.
Qed.
Definition qsim u v k := Qmult (qdot u v) (Qinv k).
Lemma qsimP n u v k : size u = n -> size v = n -> root u v k -> sim (row_of n u) (row_of n v) = q2r (qsim u v k).
Proof. by move=> su sv h; rewrite /sim (rootP su sv h) q2rM q2rV dot_row. Qed.
Definition qdelta u v du dv k :=
  Qplus (Qmult (Qplus (qdot du v) (qdot u dv)) (Qinv k))
    (Qopp (Qmult (qsim u v k) (Qplus (Qmult (qdot u du) (Qinv (qdot u u))) (Qmult (qdot v dv) (Qinv (qdot v v)))))).
Lemma qdeltaP n u v du dv k : size u = n -> size v = n -> size du = n -> size dv = n -> root u v k ->
  delta (row_of n u) (row_of n v) (row_of n du) (row_of n dv) = q2r (qdelta u v du dv k).
Proof.
move=> su sv sdu sdv h; rewrite /delta (qsimP su sv h) (rootP su sv h) !norm_sq.
by rewrite q2rD q2rN !q2rM !q2rD !q2rM !q2rV !dot_row.
Qed.

Definition apart (b a a' : Q) := Qlt_bool b (Qplus a (Qopp a')) || Qlt_bool b (Qplus a' (Qopp a)).
Lemma apartP b a a' : apart b a a' -> q2r b < `|q2r a - q2r a'|.
Proof.
case/orP => /(q2r_lt R); rewrite q2rD q2rN => h; apply: (lt_le_trans h); first exact: ler_norm.
by rewrite distrC; exact: ler_norm.
Qed.

(* the criterion where the cosines are of rows that are not zero *)
Lemma near n (u du : 'rV[R]_n) e : u != 0 -> 0 < e -> e * (norm du / norm u) <= 1 / 2 -> u + e *: du != 0.
Proof.
move=> hx he h; apply: (@stays _ _ _ _ (1/2)) => //; last by lra.
by rewrite normZ gtr0_norm // -ler_pdivrMr ?norm_gt0 // -mulrA.
Qed.
Theorem defined_criterion n n' (u v du dv : 'rV[R]_n) (u' v' du' dv' : 'rV[R]_n') (b K e0 : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> u + e *: du != 0 -> v + e *: dv != 0 -> u' + e *: du' != 0 -> v' + e *: dv' != 0 ->
    `|sim (u + e *: du) (v + e *: dv) - sim (u' + e *: du') (v' + e *: dv')| <= b * e + K * e ^+ 2) ->
  `|delta u v du dv - delta u' v' du' dv'| <= b.
Proof.
move=> hu hv hu' hv' hs h0 H.
pose r m (x y : 'rV[R]_m) := norm y / norm x.
have r0 m (x y : 'rV[R]_m) : 0 <= r m x y by rewrite /r divr_ge0 ?norm_ge0.
pose S := 1 + r _ u du + r _ v dv + r _ u' du' + r _ v' dv'.
have [s1 s2 s3 s4] : [/\ r _ u du <= S, r _ v dv <= S, r _ u' du' <= S & r _ v' dv' <= S].
  by have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; rewrite /S; split; lra.
have hS : 0 < 2 * S by have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; rewrite /S; lra.
have he1 : 0 < Num.min e0 (1 / (2 * S)) by rewrite lt_min h0 divr_gt0.
apply: (@criterion _ _ _ _ _ _ _ _ _ _ _ b K _ hu hv hu' hv' hs he1) => e /andP[e_gt].
rewrite le_min => /andP[e_e0]; rewrite ler_pdivlMr // => e_S.
have q m (x y : 'rV[R]_m) : r m x y <= S -> e * (norm y / norm x) <= 1 / 2.
  by move=> h; have := ler_wpM2l (ltW e_gt) h; rewrite /r; lra.
by apply: H; rewrite ?e_gt //; apply: near => //; apply: q.
Qed.
End Witness.
End Witness.

(* From a checked witness to the falsity of a bound to first order, for each placement. *)
Module Refute.
Import Norms Cosine FirstOrder Rationals Witness.
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
End Refute.
