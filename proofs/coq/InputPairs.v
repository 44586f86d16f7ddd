(* One layer with an input adapter (Prop. 2): instances that attain the bound. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Layers Inputs.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Rows of two halves, W = diag(I, k I) and AB = e [[0, I], [I, 0]], which turns the outputs of two models apart. *)
Module Halves.
Import Norms Cosine FirstOrder Output Input Plane.
Section Halves.
Variables (R : rcfType) (n : nat) (k : R).
Hypothesis k1 : 1 <= k.
Implicit Types a b : 'rV[R]_n.

Lemma k_gt0 : 0 < k. Proof. exact: lt_le_trans k1. Qed.
Definition stretched : 'M[R]_(n + n) := block_mx 1%:M 0 0 k%:M.
Definition swap : 'M[R]_(n + n) := block_mx 0 1%:M 1%:M 0.
Lemma dot_halves a b a' b' : dot (row_mx a b) (row_mx a' b') = dot a a' + dot b b'.
Proof. by rewrite /dot big_split_ord; congr (_ + _); apply: eq_bigr => i _; rewrite ?row_mxEl ?row_mxEr. Qed.
Lemma halves_swap a b : row_mx a b *m swap = row_mx b a.
Proof. by rewrite mul_row_block !mulmx0 !mulmx1 addr0 add0r. Qed.
Lemma halves_stretched a b : row_mx a b *m stretched = row_mx a (k *: b).
Proof. by rewrite mul_row_block !mulmx0 mulmx1 mul_mx_scalar addr0 add0r. Qed.
Lemma swap_spectral e : 0 <= e -> spectral_le (e *: swap) e.
Proof.
move=> he x; rewrite -scalemxAr normZ ger0_norm // -(hsubmxK x) halves_swap ler_wpM2l //.
by rewrite /norm !dot_halves addrC.
Qed.
Lemma stretched_between (x : 'rV[R]_(n + n)) : 1 * norm x <= norm (x *m stretched) <= k * norm x.
Proof.
have k0 := k_gt0; have kk : 1 <= k ^+ 2 by rewrite expr_ge1 // ltW.
rewrite mul1r -(hsubmxK x) halves_stretched; move: (lsubmx x) (rsubmx x) => a b.
have a2 := dot_ge0 a; have b2 := dot_ge0 b.
apply/andP; split; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW k0) // ?exprMn !norm_sq.
  by rewrite !dot_halves dotZl dotZr; nra.
by rewrite !dot_halves dotZl dotZr; nra.
Qed.
Lemma stretched_cond a : a != 0 -> cond stretched k.
Proof.
move=> ha; have k0 := k_gt0; exists (1, k); last by rewrite /= divr1.
rewrite Singular.wide_rows //.
have nz (b c : 'rV[R]_n) : row_mx b c = 0 -> b = 0 /\ c = 0 by rewrite -row_mx0 => /eq_row_mx.
split=> /=; [exact: ltr01|exact: stretched_between| |].
- exists (row_mx a 0); first by apply: contra ha => /eqP/nz[-> _].
  by rewrite halves_stretched scaler0 mul1r.
exists (row_mx 0 a); first by apply: contra ha => /eqP/nz[_ ->].
by rewrite halves_stretched -{1}(scaler0 _ k) -scale_row_mx normZ gtr0_norm.
Qed.
Lemma stretched_rank : \rank stretched = (n + n)%N.
Proof. by apply: (@full_rank R _ stretched 1) => // x; have /andP[] := stretched_between x. Qed.
Lemma adapted (x : 'rV[R]_(n + n)) e :
  x *m (1%:M + e *: swap) *m stretched = x *m stretched + e *: (x *m swap *m stretched).
Proof. by rewrite mulmxDr mulmx1 mulmxDl -scalemxAr -scalemxAl. Qed.
Lemma adapted_nonzero (x : 'rV[R]_(n + n)) e : 0 <= e < 1 -> x != 0 -> x *m (1%:M + e *: swap) *m stretched != 0.
Proof.
move=> /andP[e0 e1] /norm_gt0 px; have h := one_plus_low (swap_spectral e0) x.
have /andP[g _] := stretched_between (x *m (1%:M + e *: swap)).
apply/eqP => z; move: g; rewrite z {2}/norm dot0l sqrtr0; nra.
Qed.

(* rows (u, w v) and (v, w u), for u and v of length 1: their cosine is that of u and v for every w *)
Variables u v : 'rV[R]_n.
Hypotheses (uu : dot u u = 1) (vv : dot v v = 1).
Let s := dot u v.
Definition one w := row_mx u (w *: v). Definition two w := row_mx v (w *: u).
Lemma size_gt0 w : 0 < 1 + w ^+ 2 :> R.
Proof. by rewrite ltr_pwDl ?sqr_ge0. Qed.
Lemma one_size w : dot (one w) (one w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma two_size w : dot (two w) (two w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma halves_nonzero w : one w != 0 /\ two w != 0.
Proof.
have p := size_gt0 w; have h x : dot x x = 1 + w ^+ 2 -> x != 0.
  by move=> e; apply/eqP => z; move: p; rewrite -e z dot0l ltxx.
by split; apply: h; [exact: one_size|exact: two_size].
Qed.
Lemma halves_sim w : sim (one w) (two w) = s.
Proof.
rewrite /sim /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 w)) // dot_halves dotZl dotZr (dotC v u) -/s.
by field; rewrite gt_eqF // size_gt0.
Qed.
Lemma halves_outputs t : one (t / k) *m stretched = one t /\ two (t / k) *m stretched = two t.
Proof. by rewrite !halves_stretched !scalerA mulrC divfK // gt_eqF // k_gt0. Qed.
Lemma slope t : t ^+ 2 = 1 ->
  delta (one t) (two t) (one (t / k) *m swap *m stretched) (two (t / k) *m swap *m stretched)
  = t * ((1 - s ^+ 2) * (k + 1 / k)).
Proof.
move=> tt; have kn : k != 0 by rewrite gt_eqF // k_gt0.
rewrite /delta halves_sim !norm_sq /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 t)) // tt.
rewrite !halves_swap !halves_stretched !dot_halves !dotZl !dotZr !(dotC v u) uu vv -/s.
by field.
Qed.
End Halves.

(* the target's outputs have one half turned over, so that the same AB turns them the other way *)
Theorem input_slope (R : rcfType) n (k k' : R) (u v : 'rV[R]_n) (C K e0 : R) :
  1 <= k -> 1 <= k' -> dot u u = 1 -> dot v v = 1 -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> e < 1 ->
    `|sim (one u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
          (two u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
      - sim (one u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')
            (two u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')| <= C * e + K * e ^+ 2) ->
  (1 - dot u v ^+ 2) * (k + 1 / k) + (1 - dot u v ^+ 2) * (k' + 1 / k') <= C.
Proof.
move=> k1 k1' uu vv he0 H; have [n1 n2] := halves_nonzero uu vv 1; have [n3 n4] := halves_nonzero uu vv (-1).
have [o1 o2] := halves_outputs k1 u v 1; have [o3 o4] := halves_outputs k1' u v (-1).
have he : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have l := slope k1 uu vv (expr1n _ 2); have l' := slope k1' uu vv (etrans (sqrrN 1) (expr1n _ 2)).
set a := _ * (k + 1 / k) in l *; set b := _ * (k' + 1 / k') in l' *.
have -> : a + b = 1 * a - -1 * b by ring.
rewrite -l -l'; apply: le_trans (ler_norm _) _.
apply: (criterion (K := K) n1 n2 n3 n4 _ he); first by rewrite !halves_sim.
move=> e /andP[e_gt]; rewrite le_min => /andP[e_e0 e_half].
by have := H e; rewrite e_gt e_e0 !adapted o1 o2 o3 o4; apply=> //; lra.
Qed.
End Halves.

(* Where the finite bound of input adaptation is attained: W = diag(1, k), AB = e [[0, 1], [1, 0]], for every k >= 1. *)
Module InputAttained.
Import Norms Cosine FirstOrder Output Input Plane Halves.
Section InputAttained.
Variables (R : rcfType) (k : R).
Hypothesis k1 : 1 <= k.
Notation swap := (swap R 1). Notation stretched := (stretched 1 k).

Lemma row2_halves (a b : R) : row2 a b = row_mx a%:M b%:M :> 'rV_(1 + 1).
Proof. by rewrite -[LHS](@hsubmxK R 1 1 1); congr (row_mx _ _); apply/rowP => i; rewrite !ord1 !mxE. Qed.
Lemma row2_swap (a b : R) : row2 a b *m swap = row2 b a.
Proof. by rewrite !row2_halves (@halves_swap R 1). Qed.
Lemma row2_stretched (a b : R) : row2 a b *m stretched = row2 a (b * k).
Proof. by rewrite !row2_halves (@halves_stretched R 1) scale_scalar_mx mulrC. Qed.

Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).

(* the finite bound: pairs about a singular axis f of S, which takes y to (y1 + e y2 / k, y2 + e k y1) *)
Variable e : R.
Hypothesis e01 : 0 < e < 1.
Let m := mu k e.
Let fx := e * (k + k^-1). Let fy := m ^+ 2 - (1 + e ^+ 2 * k ^+ 2).
Let n := fx ^+ 2 + fy ^+ 2.
Definition axis1 := row2 (p * fx - q * fy) ((p * fy + q * fx) / k).
Definition axis2 := row2 (p * fx + q * fy) ((p * fy - q * fx) / k).
Lemma axis_outputs : axis1 *m stretched = row2 (p * fx - q * fy) (p * fy + q * fx) /\
  axis2 *m stretched = row2 (p * fx + q * fy) (p * fy - q * fx).
Proof. by have k0 := k_gt0 k1; rewrite !row2_stretched !divfK // gt_eqF. Qed.
Lemma fx_gt0 : 0 < fx.
Proof. by have k0 := k_gt0 k1; case/andP: e01 => e0 _; rewrite mulr_gt0 // addr_gt0 ?invr_gt0. Qed.
Lemma axis_size : 0 < n.
Proof. by rewrite /n ltr_pwDl ?sqr_ge0 // exprn_gt0 // fx_gt0. Qed.
Lemma axis_root : [/\ 0 < m, m ^+ 2 = fx * m + 1 - e ^+ 2 & fy * (m ^+ 2 - (1 + e ^+ 2 / k ^+ 2)) = fx ^+ 2].
Proof.
have k0 := k_gt0 k1; case/andP: e01 => e0 _; have [m1 m2 _] := mu_spec k0 (ltW e0); rewrite -/m in m1 m2.
have r : m ^+ 2 = fx * m + 1 - e ^+ 2 by rewrite {1}m1 /fx /mean; field; rewrite gt_eqF.
split=> //.
have f2 : (m ^+ 2 - (1 - e ^+ 2)) ^+ 2 = fx ^+ 2 * m ^+ 2 by rewrite {1}r; ring.
have x2 : fx ^+ 2 = e ^+ 2 * (k ^+ 2 + 2 + (k^-1) ^+ 2) by rewrite /fx; field; rewrite gt_eqF.
rewrite x2 in f2 *; rewrite /fy -exprVn.
have kk : k ^+ 2 * (k^-1) ^+ 2 = 1 by rewrite -exprMn divff ?expr1n // gt_eqF.
move: (k ^+ 2) ((k^-1) ^+ 2) (m ^+ 2) (e ^+ 2) kk f2 => K I M E kk f2; nra.
Qed.
Lemma axis_rows : 0 < n /\ sim (row2 (p * fx - q * fy) (p * fy + q * fx)) (row2 (p * fx + q * fy) (p * fy - q * fx)) = p ^+ 2 - q ^+ 2.
Proof.
have n0 := axis_size; split=> //; have c := circle.
rewrite (@sim2 _ _ _ _ _ n).
- have -> : (p * fx - q * fy) * (p * fx + q * fy) + (p * fy + q * fx) * (p * fy - q * fx) = (p ^+ 2 - q ^+ 2) * n by rewrite /n; ring.
  by rewrite mulfK // gt_eqF.
- by rewrite -[n]mul1r -c /n; ring.
by rewrite -[n]mul1r -c /n; ring.
Qed.
Lemma axis_outputs_nonzero : row2 (p * fx - q * fy) (p * fy + q * fx) != 0 /\ row2 (p * fx + q * fy) (p * fy - q * fx) != 0.
Proof.
have n0 := axis_size; have c := circle; have h (u v : R) : u * u + v * v = n -> row2 u v != 0.
  by move=> uv; apply/eqP => z; move: n0; rewrite -uv -dot2 z dot0l ltxx.
by split; apply: h; rewrite -[n]mul1r -c /n; ring.
Qed.
Lemma axis_nonzero : axis1 != 0 /\ axis2 != 0.
Proof.
have [o1 o2] := axis_outputs; have [n1 n2] := axis_outputs_nonzero.
by split; [move: n1; rewrite -o1|move: n2; rewrite -o2]; apply: contra => /eqP ->; rewrite mul0mx.
Qed.
Lemma axis_moved : let l := m ^+ 2 in let nu := (1 - e ^+ 2) ^+ 2 / l in
  sim (axis1 *m (1%:M + e *: swap) *m stretched) (axis2 *m (1%:M + e *: swap) *m stretched)
  = (p ^+ 2 * (l * n) - q ^+ 2 * (nu * n)) / (p ^+ 2 * (l * n) + q ^+ 2 * (nu * n)).
Proof.
move=> l nu; have k0 := k_gt0 k1; have kn : k != 0 by rewrite gt_eqF.
have [m0 r1 r2] := axis_root; have l0 : 0 < l by rewrite /l exprn_gt0.
have k2 : k ^+ 2 != 0 by rewrite expf_neq0.
set a11 := 1 + e ^+ 2 * k ^+ 2; set a22 := 1 + e ^+ 2 / k ^+ 2 in r2.
have ya : fy = l - a11 by [].
have f2 : (l - (1 - e ^+ 2)) ^+ 2 = fx ^+ 2 * l by rewrite /l {1}r1; ring.
have x2 : fx ^+ 2 = a11 * a22 - (1 - e ^+ 2) ^+ 2 by rewrite /fx /a11 /a22; field.
have x2' : fx ^+ 2 = a11 + a22 - 2 * (1 - e ^+ 2) by rewrite /fx /a11 /a22; field.
have nuE : nu = a11 + a22 - l.
  apply: (mulfI (lt0r_neq0 l0)); rewrite /nu mulrCA divff ?mulr1; last by rewrite gt_eqF.
  by rewrite x2' in f2; lra.
have g1 : a11 * fx ^+ 2 + 2 * fx * fx * fy + a22 * fy ^+ 2 = l * n.
  have : fy * (fy * (l - a22)) = fy * fx ^+ 2 by rewrite r2.
  rewrite /n (_ : a11 = l - fy); last by rewrite ya; ring. lra.
have g2 : a11 * fy ^+ 2 - 2 * fx * fx * fy + a22 * fx ^+ 2 = nu * n.
  by rewrite nuE /n mulrBl -/n -g1 /n; ring.
rewrite !adapted !row2_swap !row2_stretched !divfK // !row2Z !row2D.
have g3 : fx * (fx ^+ 2 - fy ^+ 2) + fx * fy * (a22 - a11) = 0.
  have -> : fx * (fx ^+ 2 - fy ^+ 2) + fx * fy * (a22 - a11) = fx * (fx ^+ 2 - fy * (l - a22)) by rewrite ya; ring.
  by rewrite r2 subrr mulr0.
rewrite (@sim2 _ _ _ _ _ (p ^+ 2 * (l * n) + q ^+ 2 * (nu * n))).
- by congr (_ / _); rewrite -g1 -g2 /a11 /a22 /fx; field.
- rewrite -[RHS]addr0 -(mulr0 (2 * p * q)) -g3 -g1 -g2 /a11 /a22 /fx; field; exact: kn.
rewrite -[RHS]addr0 -(mulr0 (- (2 * p * q))) -g3 -g1 -g2 /a11 /a22 /fx; field; exact: kn.
Qed.
Theorem axis_apart : artanh_apart (sim (axis1 *m (1%:M + e *: swap) *m stretched) (axis2 *m (1%:M + e *: swap) *m stretched))
  (p ^+ 2 - q ^+ 2) (m ^+ 2 / (1 - e ^+ 2)).
Proof.
rewrite axis_moved; have n0 := axis_size; have [m0 r1 _] := axis_root; have x0 := fx_gt0; case/andP: (e01) => e0 e1.
have d0 : 0 < 1 - e ^+ 2 by nra.
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
have big : 1 - e ^+ 2 < m ^+ 2 by rewrite r1 -addrA ltrDr mulr_gt0.
have l0 : 0 < m ^+ 2 by rewrite exprn_gt0.
have c := circle.
move: (m ^+ 2) big l0 => l big l0; set nu := (1 - e ^+ 2) ^+ 2 / l.
have nu0 : 0 < nu by rewrite divr_gt0 // exprn_gt0.
have A0 : 0 < p ^+ 2 * (l * n) by apply: mulr_gt0 => //; apply: mulr_gt0. have B0 : 0 < q ^+ 2 * (nu * n) by apply: mulr_gt0 => //; apply: mulr_gt0.
have D0 : 0 < p ^+ 2 * (l * n) + q ^+ 2 * (nu * n) by rewrite addr_gt0.
split.
- by rewrite ltr_pdivlMr // ltr_pdivrMr //; lra.
- lra.
- by rewrite ltr_pdivlMr // mul1r.
apply: ratio; first by rewrite gt_eqF // addr_gt0.
have h1 : 1 - (p ^+ 2 - q ^+ 2) = 2 * q ^+ 2 by lra.
have h2 : 1 + (p ^+ 2 - q ^+ 2) = 2 * p ^+ 2 by lra.
rewrite h1 h2 /nu; field; by rewrite !gt_eqF.
Qed.
End InputAttained.
End InputAttained.
