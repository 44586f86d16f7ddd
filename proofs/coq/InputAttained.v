(* Where the sharp bounds of input adaptation are attained: W = diag(1, k), AB = e [[0, 1], [1, 0]], for every k >= 1. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Input Plane.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section InputAttained.
Variables (R : rcfType) (k : R).
Hypothesis k1 : 1 <= k.

Lemma k_gt0 : 0 < k. Proof. exact: lt_le_trans k1. Qed.
Definition stretched : 'M[R]_2 := diag2 1 k.
Definition swap : 'M[R]_2 := \matrix_(i, j) (i != j)%:R.
Lemma row2_swap (a b : R) : row2 a b *m swap = row2 b a.
Proof.
apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=.
by case: j => [[|[|//]] h]; rewrite /= ?mulr0 ?mulr1 ?addr0 ?add0r.
Qed.
Lemma row2_stretched (a b : R) : row2 a b *m stretched = row2 a (b * k).
Proof. by rewrite row2_diag mulr1. Qed.
Lemma swap_spectral e : 0 <= e -> spectral_le (e *: swap) e.
Proof.
move=> he x; rewrite -scalemxAr normZ ger0_norm // (row2P x) row2_swap ler_wpM2l //.
by rewrite /norm !dot2 addrC lexx.
Qed.
Lemma stretched_between (x : 'rV[R]_2) : 1 * norm x <= norm (x *m stretched) <= k * norm x.
Proof.
have k0 := k_gt0; have kk : 1 <= k ^+ 2 by rewrite expr_ge1 // ltW.
rewrite mul1r (row2P x) row2_stretched; move: (x 0 0) (x 0 1) => a b.
have a2 := sqr_ge0 a; have b2 := sqr_ge0 b.
apply/andP; split; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW k0) // ?exprMn !norm_sq !dot2; nra.
Qed.
Lemma stretched_cond : cond stretched k.
Proof.
have k0 := k_gt0; exists (1, k); last by rewrite /= divr1.
split=> /=; [exact: ltr01|exact: stretched_between| |].
- exists (row2 1 0); first by rewrite row2_neq0 // oner_eq0.
  by rewrite row2_stretched mul0r mul1r.
exists (row2 0 1); first by rewrite row2_neq0' // oner_eq0.
rewrite row2_stretched mul1r /norm !dot2 !mul0r !add0r mulr1 -expr2 sqrtr1 mulr1 sqrtr_sqr ger0_norm //; exact: ltW.
Qed.
Lemma stretched_rank : \rank stretched = 2%N.
Proof. by apply: (@full_rank R 2 stretched 1) => // x; have /andP[] := stretched_between x. Qed.
Lemma adapted (x : 'rV[R]_2) e :
  x *m (1%:M + e *: swap) *m stretched = x *m stretched + e *: (x *m swap *m stretched).
Proof. by rewrite mulmxDr mulmx1 mulmxDl -scalemxAr -scalemxAl. Qed.
Lemma adapted_nonzero (x : 'rV[R]_2) e : 0 <= e < 1 -> x != 0 -> x *m (1%:M + e *: swap) *m stretched != 0.
Proof.
move=> /andP[e0 e1] /norm_gt0 px; have h := one_plus_low (swap_spectral e0) x.
have /andP[g _] := stretched_between (x *m (1%:M + e *: swap)).
apply/eqP => z; move: g; rewrite z {2}/norm dot0l sqrtr0; nra.
Qed.

(* y1, y2 of cosine s about the diagonal, and of the target about the other one *)
Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).
Let a := p + q. Let b := p - q.
Definition d1 := row2 a (b / k). Definition d2 := row2 b (a / k).
Definition d1' := row2 a (- (b / k)). Definition d2' := row2 b (- (a / k)).
Lemma diagonal_outputs : [/\ d1 *m stretched = row2 a b, d2 *m stretched = row2 b a,
  d1' *m stretched = row2 a (- b) & d2' *m stretched = row2 b (- a)].
Proof. by have k0 := k_gt0; rewrite !row2_stretched ?mulNr !divfK // gt_eqF. Qed.
Lemma a_gt0 : 0 < a. Proof. exact: addr_gt0. Qed.
Lemma diagonal_nonzero : [/\ d1 != 0, d2 != 0, d1' != 0 & d2' != 0].
Proof.
have a0 := a_gt0; have ak : 0 < a / k by rewrite divr_gt0 // k_gt0.
by split; [apply: row2_neq0|apply: row2_neq0'|apply: row2_neq0|apply: row2_neq0']; rewrite ?oppr_eq0 gt_eqF.
Qed.
Lemma outputs_nonzero : [/\ row2 a b != 0, row2 b a != 0, row2 a (- b) != 0 & row2 b (- a) != 0].
Proof.
have a0 := a_gt0.
by split; [apply: row2_neq0|apply: row2_neq0'|apply: row2_neq0|apply: row2_neq0']; rewrite ?oppr_eq0 gt_eqF.
Qed.
Lemma inputs_sim : sim d1 d2 = sim d1' d2'.
Proof. by rewrite /sim /norm !dot2 !mulrNN. Qed.
Lemma outputs_sim : sim (row2 a b) (row2 b a) = p ^+ 2 - q ^+ 2 /\ sim (row2 a (- b)) (row2 b (- a)) = p ^+ 2 - q ^+ 2.
Proof.
have n : a * a + b * b = 2 by rewrite -[RHS]mulr1 -[X in _ = _ * X]circle /a /b; ring.
have e : (a * b + b * a) / 2 = p ^+ 2 - q ^+ 2 by rewrite /a /b; field.
by split; rewrite (@sim2 _ _ _ _ _ 2) ?mulrNN ?(addrC (b * b)) // ?[b * - a]mulrN ?[- b * - a]mulrNN.
Qed.
Lemma delta2 (s1 s2 t1 t2 u1 u2 v1 v2 : R) : s1 * s1 + s2 * s2 = 2 -> t1 * t1 + t2 * t2 = 2 ->
  delta (row2 s1 s2) (row2 t1 t2) (row2 u1 u2) (row2 v1 v2)
  = (u1 * t1 + u2 * t2 + (s1 * v1 + s2 * v2)) / 2
    - (s1 * t1 + s2 * t2) / 4 * (s1 * u1 + s2 * u2 + (t1 * v1 + t2 * v2)).
Proof.
move=> h1 h2; rewrite /delta /sim /norm !dot2 h1 h2.
have r : Num.sqrt 2 ^+ 2 = 2 :> R by rewrite sqr_sqrtr.
by rewrite -expr2 r; field.
Qed.
Lemma slopes : delta (row2 a b) (row2 b a) (d1 *m swap *m stretched) (d2 *m swap *m stretched)
    = (1 - (p ^+ 2 - q ^+ 2) ^+ 2) * (k + 1 / k) /\
  delta (row2 a (- b)) (row2 b (- a)) (d1' *m swap *m stretched) (d2' *m swap *m stretched)
    = - ((1 - (p ^+ 2 - q ^+ 2) ^+ 2) * (k + 1 / k)).
Proof.
have k0 := k_gt0; have kn : k != 0 by rewrite gt_eqF.
have n : a * a + b * b = 2 by rewrite -[RHS]mulr1 -[X in _ = _ * X]circle /a /b; ring.
have ab : a * b = p ^+ 2 - q ^+ 2 by rewrite /a /b; ring.
have bb : b * b = 2 - a * a by lra.
rewrite !row2_swap !row2_stretched !delta2 ?mulrNN ?(addrC (b * b)) // -ab; split.
  have -> : (1 - (a * b) ^+ 2) * (k + 1 / k) = ((a * a + b * b) / 2 - (a * b) * (a * b)) * (k + 1 / k) by rewrite n; field.
  by field.
have -> : (1 - (a * b) ^+ 2) * (k + 1 / k) = ((a * a + b * b) / 2 - (a * b) * (a * b)) * (k + 1 / k) by rewrite n; field.
by field.
Qed.

Theorem input_slope (C K e0 : R) : 0 < e0 ->
  (forall e, 0 < e <= e0 -> e < 1 ->
    `|sim (d1 *m (1%:M + e *: swap) *m stretched) (d2 *m (1%:M + e *: swap) *m stretched)
      - sim (d1' *m (1%:M + e *: swap) *m stretched) (d2' *m (1%:M + e *: swap) *m stretched)| <= C * e + K * e ^+ 2) ->
  2 * ((1 - (p ^+ 2 - q ^+ 2) ^+ 2) * (k + 1 / k)) <= C.
Proof.
move=> he0 H; have [n1 n2 n3 n4] := outputs_nonzero; have [s1 s2] := outputs_sim; have [o1 o2 o3 o4] := diagonal_outputs.
have he : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have [l1 l2] := slopes.
have := @criterion R 2 2 (row2 a b) (row2 b a) (d1 *m swap *m stretched) (d2 *m swap *m stretched)
  (row2 a (- b)) (row2 b (- a)) (d1' *m swap *m stretched) (d2' *m swap *m stretched) C K _ n1 n2 n3 n4 _ he.
rewrite s1 s2 l1 l2 opprK => /(_ erefl) h.
set S := _ * (k + 1 / k) in h *; apply: le_trans (h _); first by apply: le_trans (ler_norm _); lra.
move=> e /andP[e_gt]; rewrite le_min => /andP[e_e0 e_half].
by have := H e; rewrite e_gt e_e0 !adapted o1 o2 o3 o4; apply=> //; lra.
Qed.

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
Proof. by have k0 := k_gt0; rewrite !row2_stretched !divfK // gt_eqF. Qed.
Lemma fx_gt0 : 0 < fx.
Proof. by have k0 := k_gt0; case/andP: e01 => e0 _; rewrite mulr_gt0 // addr_gt0 ?invr_gt0. Qed.
Lemma axis_size : 0 < n.
Proof. by rewrite /n ltr_pwDl ?sqr_ge0 // exprn_gt0 // fx_gt0. Qed.
Lemma axis_root : [/\ 0 < m, m ^+ 2 = fx * m + 1 - e ^+ 2 & fy * (m ^+ 2 - (1 + e ^+ 2 / k ^+ 2)) = fx ^+ 2].
Proof.
have k0 := k_gt0; case/andP: e01 => e0 _; have [m1 m2 _] := mu_spec k0 (ltW e0); rewrite -/m in m1 m2.
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
move=> l nu; have k0 := k_gt0; have kn : k != 0 by rewrite gt_eqF.
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
