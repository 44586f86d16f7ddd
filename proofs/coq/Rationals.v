(* Rational rows and matrices that Coq computes with, and what they are in a real closed field. *)
From Coq Require Import ZArith QArith Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra ssrZ.
From ioadapt Require Import Vocabulary Norms.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
