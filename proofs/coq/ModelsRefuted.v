(* What is false about Props. 3 to 5, as the claims state it. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Statements Models.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Readings of App. A.2 that are false, and others: two-by-two witnesses, with AB of rank one. *)
Module RefutedShared.
Import Norms SharedFunction HoldsShared.
Section RefutedShared.
Variable R : rcfType.

Definition mx2 (a b c d : R) : 'M[R]_2 :=
  \matrix_(i, j) (if i == 0 then if j == 0 then a else b else if j == 0 then c else d).
Definition rw2 (a b : R) : 'rV[R]_2 := \row_j (if j == 0 then a else b).
Definition cl2 (a b : R) : 'M[R]_(2, 1) := \matrix_(i, j) (if i == 0 then a else b).
Lemma mx2_add a b c d p q r s : mx2 a b c d + mx2 p q r s = mx2 (a+p) (b+q) (c+r) (d+s).
Proof. by apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_opp a b c d : - mx2 a b c d = mx2 (-a) (-b) (-c) (-d).
Proof. by apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_1 : 1%:M = mx2 1 0 0 1.
Proof. by apply/matrixP => i j; rewrite !mxE; move: i j; do 2![case=> [[|[|//]] ?]]. Qed.
Lemma mx2_mul a b c d p q r s :
  mx2 a b c d *m mx2 p q r s = mx2 (a * p+b * r) (a * q+b * s) (c * p+d * r) (c * q+d * s).
Proof.
by apply/matrixP => i j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; case: (i == 0); case: (j == 0); rewrite addr0.
Qed.
Lemma rw2_mul a b p q r s : rw2 a b *m mx2 p q r s = rw2 (a * p + b * r) (a * q + b * s).
Proof. by apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; case: (j == 0); rewrite addr0. Qed.
Lemma cl2_rw2 a b p q : cl2 a b *m rw2 p q = mx2 (a * p) (a * q) (b * p) (b * q).
Proof. by apply/matrixP => i j; rewrite !mxE big_ord_recl big_ord0 !mxE addr0; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_cl2 a b c d p q : mx2 a b c d *m cl2 p q = cl2 (a * p + b * q) (c * p + d * q).
Proof. by apply/matrixP => i j; rewrite !mxE !big_ord_recl big_ord0 !mxE /= addr0; case: (i == 0). Qed.
Lemma dot_rw2 a b c d : dot (rw2 a b) (rw2 c d) = a * c + b * d.
Proof. by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0. Qed.
Lemma rw2P (x : 'rV[R]_2) : x = rw2 (x 0 0) (x 0 1).
Proof. by apply/rowP => j; rewrite !mxE; case: j => [[|[|//]] h] /=; congr (x _ _); exact: val_inj. Qed.
Lemma fro_sq2 a b c d : fro_sq (mx2 a b c d) = a ^+ 2 + b ^+ 2 + c ^+ 2 + d ^+ 2.
Proof. by rewrite /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0 !addrA. Qed.
Lemma fro_sq_cl2 a b : fro_sq (cl2 a b) = a ^+ 2 + b ^+ 2.
Proof. by rewrite /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0. Qed.
Lemma rw2_neq0 a b : a != 0 \/ b != 0 -> rw2 a b != 0.
Proof. by case=> h; apply/eqP => /rowP e; [move: (e 0)|move: (e 1)]; rewrite !mxE /= => k; rewrite k eqxx in h. Qed.

(* every two-by-two matrix has a spectral norm *)
Lemma spectral2 a b c d : exists n, spectral (mx2 a b c d) n.
Proof.
pose p := a ^+ 2 + b ^+ 2; pose q := a * c + b * d; pose r := c ^+ 2 + d ^+ 2.
have [l [lp lr prod]] : exists l, [/\ 0 <= l - p, 0 <= l - r & (l - p) * (l - r) = q ^+ 2].
  pose root := Num.sqrt ((p - r) ^+ 2 + 4 * q ^+ 2); exists ((p + r + root) / 2).
  have rr : root ^+ 2 = (p - r) ^+ 2 + 4 * q ^+ 2.
    by rewrite sqr_sqrtr // addr_ge0 ?sqr_ge0 // mulr_ge0 ?sqr_ge0.
  have r0 : 0 <= root by exact: sqrtr_ge0.
  have big : `|p - r| <= root.
    by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // rr lerDl mulr_ge0 ?sqr_ge0.
  by move: big; rewrite ler_norml => /andP[b1 b2]; split; lra.
have p0 : 0 <= p by rewrite /p addr_ge0 ?sqr_ge0.
have l0 : 0 <= l by lra.
have size x y : dot (rw2 x y *m mx2 a b c d) (rw2 x y *m mx2 a b c d) = p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2.
  by rewrite rw2_mul dot_rw2 /p /q /r; ring.
have le x y : p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2 <= l * (x ^+ 2 + y ^+ 2).
  have [z|nz] := eqVneq (l - p) 0.
    have q0 : q = 0 by apply/eqP; rewrite -sqrf_eq0 -prod z mul0r.
    have e : p = l by lra.
    by rewrite q0 e; have := mulr_ge0 lr (sqr_ge0 y); lra.
  have pos : 0 < l - p by rewrite lt_def nz.
  rewrite -(ler_pM2l pos); have := sqr_ge0 ((l - p) * x - q * y).
  have : (l - p) * ((l - r) * y ^+ 2) = q ^+ 2 * y ^+ 2 by rewrite mulrA prod.
  lra.
have [x [y [nz eq]]] : exists x y, rw2 x y != 0 /\ p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2 = l * (x ^+ 2 + y ^+ 2).
  have [z|nz] := eqVneq (l - p) 0.
    exists 1, 0; split; first by apply: rw2_neq0; left; rewrite oner_eq0.
    have e : p = l by lra.
    by rewrite e; ring.
  exists q, (l - p); split; first by apply: rw2_neq0; right.
  have : (l - p) * (l - r) * (l - p) = q ^+ 2 * (l - p) by rewrite prod.
  lra.
exists (Num.sqrt l); split=> [|v|k k0 /(_ (rw2 x y))]; first exact: sqrtr_ge0.
  by rewrite /norm -sqrtrM // ler_wsqrtr // (rw2P v) size dot_rw2 -!expr2.
have nn : 0 < dot (rw2 x y) (rw2 x y) by rewrite -norm_sq exprn_gt0 // norm_gt0.
rewrite {1}/norm size eq !expr2 -dot_rw2 sqrtrM // -/(norm _) ler_pM2r //; exact: norm_gt0.
Qed.

Lemma between c d h (W1 W1' : 'M[R]_(c, h)) (W2 W2' : 'M[R]_(h, d)) T n (x : 'M_(n, c)) :
  x *m W1 *m T *m W2 - x *m W1' *m T *m W2' = x *m (W1 *m T *m W2 - W1' *m T *m W2').
Proof. by rewrite mulmxBr !mulmxA. Qed.
Lemma g1_same : mx2 1 2 0 1 *m mx2 1 0 3 1 - mx2 2 1 0 (1/2) *m mx2 (1/2) 0 6 2 = mx2 0 0 0 0.
Proof. by rewrite !mx2_mul mx2_opp mx2_add; congr mx2; field. Qed.
Lemma g1_adapter : 1%:M + cl2 1 0 *m rw2 (1/2) (1/2) = mx2 (3/2) (1/2) 0 1.
Proof. by rewrite cl2_rw2 mx2_1 mx2_add; congr mx2; field. Qed.

(* g1: the same function, apart from each other by 45/2 once adapted inside *)
Theorem prop_4_interior_refuted : ~ prop_4_interior R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R); have [a ha] := spectral2 (3/2) (1/2) 0 1.
move=> /(_ _ _ _ (mx2 1 2 0 1) (mx2 1 0 3 1) (mx2 2 1 0 (1/2)) (mx2 (1/2) 0 6 2) 1 Omega x E ltr01 hx).
move=> /(_ 1%N (cl2 1 0) (rw2 (1/2) (1/2)) 0 a isT); rewrite g1_same fro_sqE fro_sq2 g1_adapter => /(_ _ ha).
rewrite (moments hx (fun w => between _ _ _ _ _ _)) !mx2_mul mx2_opp mx2_add fro_sqE fro_sq2 mulr0 => H.
have {}H := H ltac:(lra); lra.
Qed.
Theorem prop_4_every_layer_refuted : ~ prop_4_every_layer R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R); have [a ha] := spectral2 (3/2) (1/2) 0 1.
move=> /(_ _ _ (mx2 1 2 0 1) (mx2 1 0 3 1) (mx2 2 1 0 (1/2)) (mx2 (1/2) 0 6 2) 1 Omega x E ltr01 hx).
move=> /(_ 1%N (cl2 1 0) (rw2 (1/2) (1/2)) 0 a isT); rewrite g1_same fro_sqE fro_sq2 g1_adapter => /(_ _ ha).
have e (w : Omega) (T W1 W2 W1' W2' : 'M[R]_2) : x w *m T *m W1 *m T *m W2 - x w *m T *m W1' *m T *m W2'
   = x w *m (T *m (W1 *m T *m W2 - W1' *m T *m W2')) by rewrite mulmxA mulmxBr !mulmxA.
rewrite (moments hx (fun w => e w _ _ _ _ _)) !mx2_mul mx2_opp mx2_add mx2_mul fro_sqE fro_sq2 mulr0 => H.
have {}H := H ltac:(lra); lra.
Qed.

Lemma spectral_fro m n (M : 'M[R]_(m, n)) : spectral_le M (fro M).
Proof.
move=> x; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 ?norm_ge0 // exprMn !norm_sq fro_sqE.
rewrite -(fro_sq_tr M) fro_sq_rows mulr_suml /dot; apply: ler_sum => i _; rewrite -expr2.
have -> : (x *m M) 0 i = dot (row i M^T) x by rewrite !mxE; apply: eq_bigr => k _; rewrite !mxE mulrC.
exact: cauchy.
Qed.
Theorem prop_4_anisotropic_refuted : ~ prop_4_anisotropic R.
Proof.
pose F := mx2 1 0 0 10; have Fu : \rank F = 2%N.
  apply/eqP; rewrite -/(row_free F); apply: inj_row_free => v; rewrite (rw2P v) rw2_mul => /rowP e.
  have := e 0; have := e 1; rewrite !mxE /= => h1 h2; apply/rowP => j; rewrite !mxE; case: (j == 0); lra.
pose n := 1%N.
have [Omega [z [E hz]]] := law_exists 1 (1 : R).
pose x w := z w *m F.
have hx : law x E (F^T *m F).
  case: hz => ext lin cov.
  have covx i j : E (fun w => x w 0 i * x w 0 j) = (F^T *m F) i j.
    pose Dij (k l : 'I_2) (_ : 'I_1) := F k i * F l j.
    rewrite (ext _ (quadratic z Dij)); last first.
      move=> w; rewrite /quadratic big_ord_recl big_ord0 addr0 !mxE mulr_suml; apply: eq_bigr => k _.
      by rewrite mulr_sumr; apply: eq_bigr => l _; rewrite /Dij; ring.
    rewrite lin big_ord_recl big_ord0 addr0 mxE; apply: eq_bigr => k _.
    rewrite (bigD1 k) //= big1 ?addr0 => [|l hl]; last by rewrite cov mxE eq_sym (negbTE hl) mulr0n mulr0.
    by rewrite cov mxE eqxx expr1n mulr1n mulr1 [F^T i k]mxE.
  split=> //= d D.
  pose D2 (k l : 'I_2) (m : 'I_d) := \sum_i \sum_j D i j m * (F k i * F l j).
  have e2 w : quadratic x D w = quadratic z D2 w.
    apply: eq_bigr => m _; rewrite /D2.
    rewrite (eq_bigr (fun i => \sum_j \sum_k \sum_l D i j m * (F k i * F l j) * (z w 0 k * z w 0 l))); last first.
      move=> i _; apply: eq_bigr => j _; rewrite !mxE mulr_suml mulr_sumr; apply: eq_bigr => k _.
      by rewrite mulr_sumr mulr_sumr; apply: eq_bigr => l _; ring.
    rewrite [RHS](eq_bigr (fun k => \sum_l \sum_i \sum_j D i j m * (F k i * F l j) * (z w 0 k * z w 0 l))); last first.
      by move=> k _; apply: eq_bigr => l _; rewrite mulr_suml; apply: eq_bigr => i _; rewrite mulr_suml.
    rewrite !big_ord_recl !big_ord0; ring.
  rewrite (ext _ _ e2) lin; apply: eq_bigr => m _.
  rewrite /D2 !big_ord_recl !big_ord0 !cov !covx !mxE !big_ord_recl !big_ord0 !mxE /= !expr1n; ring.
have [a [a0 la least]] := spectral2 1 0 (1/2) 1.
move=> /(_ _ _ _ _ (cl2 1 0) (1%:M : 'M_1) (cl2 0 0) (1%:M : 'M_1) F Omega x E Fu hx).
move=> /(_ 1%N (cl2 0 1) (rw2 (1/2) 0) a isT).
have -> : 1%:M + cl2 0 1 *m rw2 (1/2) 0 = mx2 1 0 (1/2) 1 by rewrite cl2_rw2 mx2_1 mx2_add; congr mx2; field.
have sp : spectral (mx2 1 0 (1/2) 1) a by [].
move=> /(_ sp).
have e1 : E (fun w => norm (x w *m mx2 1 0 (1/2) 1 *m cl2 1 0 *m 1%:M - x w *m mx2 1 0 (1/2) 1 *m cl2 0 0 *m 1%:M) ^+ 2)
   = fro_sq (F *m (mx2 1 0 (1/2) 1 *m cl2 1 0 - mx2 1 0 (1/2) 1 *m cl2 0 0)).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite !mulmx1 mulmxBr !mulmxA.
have e2 : E (fun w => norm (x w *m cl2 1 0 *m 1%:M - x w *m cl2 0 0 *m 1%:M) ^+ 2) = fro_sq (F *m (cl2 1 0 - cl2 0 0)).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite !mulmx1 mulmxBr.
have cl0 : cl2 0 0 = 0 by apply/matrixP => i j; rewrite !mxE; case: (i == 0).
rewrite e1 e2 cl0 mulmx0 !subr0 !mx2_cl2 !fro_sq_cl2 => H.
have a2 : a ^+ 2 <= 9/4.
  have := least _ (fro_ge0 _) (spectral_fro (mx2 1 0 (1/2) 1)) => h.
  by apply: (le_trans (squares a0 h)); rewrite fro_sqE fro_sq2; clear Fu; lra.
clear Fu; lra.
Qed.

Theorem transfer_input_refuted : ~ transfer_input R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R).
move=> /(_ _ 1%:M 1%:M (mx2 0 0 0 1) 1%:M 1 Omega x E ltr01 hx 1%N (cl2 9 0) (rw2 1 0) isT).
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx).
rewrite subrr mulmx0 addr0 !mulmx1 cl2_rw2 mx2_1 mx2_opp !mx2_add mx2_mul !fro_sqE !fro_sq2; lra.
Qed.
Theorem transfer_output_refuted : ~ transfer_output R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R).
move=> /(_ _ 1%:M 1%:M (mx2 0 0 0 1) 1%:M 1 Omega x E ltr01 hx 1%N (cl2 9 0) (rw2 1 0) isT).
rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx).
rewrite subrr mulmx0 addr0 !mulmx1 cl2_rw2 mx2_1 mx2_opp !mx2_add mx2_mul !fro_sqE !fro_sq2; lra.
Qed.
Theorem eq_5_scope_refuted : ~ eq_5_scope R.
Proof.
have hp : pinv (mx2 1 0 0 0) (mx2 1 0 0 0).
  by rewrite /pinv !mx2_mul; split; apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0) => /=; lra.
move=> /(_ _ _ _ 1%:M _ _ hp 1%N (cl2 0 1) (rw2 1 0) isT isT); rewrite cl2_rw2 !mul1mx mx2_1 !mx2_mul !mx2_add !mx2_mul.
by move/matrixP/(_ 1 0); rewrite !mxE /=; lra.
Qed.
Theorem stronger_requirement_refuted : ~ stronger_requirement R.
Proof.
have h11 : rw2 1 1 != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h1n : rw2 1 (-1) != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h22 : rw2 1 2 != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h2n : rw2 1 (-2) != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have e1 y : rw2 1 y *m mx2 1 0 0 1 = rw2 1 y by rewrite rw2_mul; congr rw2; ring.
have e2 : rw2 1 1 *m mx2 1 0 0 2 = rw2 1 2 by rewrite rw2_mul; congr rw2; ring.
have e3 : rw2 1 (-1) *m mx2 1 0 0 2 = rw2 1 (-2) by rewrite rw2_mul; congr rw2; ring.
move=> /(_ _ _ (mx2 1 0 0 1) (mx2 1 0 0 2) (rw2 1 1) (rw2 1 (-1))); rewrite !e1 e2 e3.
move=> /(_ h11 h1n h22 h2n 1 ltr01); rewrite mx2_opp mx2_add fro_sqE fro_sq2 => /(_ ltac:(lra)).
have n5 : norm (rw2 1 2) * norm (rw2 1 (-2)) = 5.
  rewrite /norm -sqrtrM ?dot_ge0 // !dot_rw2 (_ : (1 * 1 + 2 * 2) * (1 * 1 + -2 * -2) = 5 ^+ 2); last by ring.
  by rewrite sqrtr_sqr ger0_norm.
rewrite /sim n5 !dot_rw2 (_ : 1 * 1 + 1 * -1 = 0); last by ring.
by rewrite mul0r; lra.
Qed.
Theorem bounds_rank_refuted : ~ bounds_rank R.
Proof.
pose x : 'rV[R]_1 := const_mx 1; pose W : 'M[R]_1 := 10%:M.
have dx : dot x x = 1 by rewrite /dot big_ord_recl big_ord0 !mxE; ring.
have nx : norm x = 1 by rewrite /norm dx sqrtr1.
have x0 : x != 0 by apply/eqP => e; move: dx; rewrite e dot0l => /eqP; rewrite eq_sym oner_eq0.
have xW : x *m W = 10 *: x by rewrite /W mul_mx_scalar.
have nW : norm (x *m W) = 10 by rewrite xW normZ nx ger0_norm //; ring.
have W0 : x *m W != 0 by apply/eqP => e; move: nW; rewrite e /norm dot0l sqrtr0; lra.
move=> /(_ _ _ W W x x x x x0 x0 x0 x0 erefl W0 W0 W0 W0 erefl 0%N 0 0 1 isT isT ler01).
have sp : spectral_le ((0 : 'M[R]_(1, 0)) *m (0 : 'M[R]_(0, 1))) 1.
  by move=> v; rewrite !mulmx0 mul1r {1}/norm dot0l sqrtr0 norm_ge0.
move=> /(_ sp); rewrite /sim nx nW xW dotZl dotZr dx; lra.
Qed.
End RefutedShared.
End RefutedShared.
