(* One layer with an input adapter (Prop. 2): the sharp bound. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Layers.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Prop. 2, input adaptation: the sharp finite bound for every c, and what follows for small e. *)
Module Input.
Import Norms Cosine Output.
Section Quadratic.
Variables (R : rcfType) (c : nat) (G : 'M[R]_c) (a b h mu : R).
Hypothesis sym : G^T = G.
Hypothesis low : forall z : 'rV_c, a * dot z z <= dot z (z *m G).
Hypothesis up : forall z : 'rV_c, dot z (z *m G) <= b * dot z z.
Hypothesis a0 : 0 < a. Hypothesis ab : a < b. Hypothesis h0 : 0 <= h.
Hypothesis mu_root : mu ^+ 2 = h * (a + b) * mu + 1 - h ^+ 2 * (a * b).
Hypothesis mu_large : h * b < mu.

Lemma dotG (u w : 'rV[R]_c) : dot (u *m G) w = dot u (w *m G).
Proof. by rewrite dot_mx sym. Qed.

(* (b - G)(G - a) >= 0 *)
Lemma middle z : 0 <= (a + b) * dot z (z *m G) - dot z (z *m G *m G) - a * b * dot z z.
Proof.
have h1 := low (b *: z - z *m G); have h2 := up (z *m G - a *: z); move: h1 h2.
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG.
move: (dot z z) (dot z (z *m G)) (dot z (z *m G *m G)) (dot z (z *m G *m G *m G)) => m0 m1 m2 m3 h1 h2.
have hba : 0 < b - a by rewrite subr_gt0.
by rewrite -(pmulr_rge0 _ hba); lra.
Qed.
(* (b - G)(G - a)(b - G) >= 0 *)
Lemma outer z : 0 <= b ^+ 2 * dot z (z *m G) - 2 * b * dot z (z *m G *m G) + dot z (z *m G *m G *m G)
  - a * (b ^+ 2 * dot z z - 2 * b * dot z (z *m G) + dot z (z *m G *m G)).
Proof.
have := low (b *: z - z *m G).
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG; lra.
Qed.

Theorem form (x w : 'rV[R]_c) :
  2 * dot x (w *m G) + h * (a * b) * dot x x + h * dot (w *m G) (w *m G) <= mu * (dot x (x *m G) + dot w (w *m G)).
Proof.
have a1 := a0; have ab1 := ab; have h1 := h0; have mu1 := mu_root; have mu2 := mu_large.
pose X : 'M[R]_c := mu *: 1%:M - h *: G.
have XE (z : 'rV[R]_c) : z *m X = mu *: z - h *: (z *m G).
  by rewrite /X mulmxBr -!scalemxAr mulmx1.
have d0 : 0 < mu - h * b by rewrite subr_gt0.
have Xpos (z : 'rV[R]_c) : (mu - h * b) * dot z z <= dot z (z *m X).
  rewrite XE dotDr dotNr !dotZr; have := ler_wpM2l h0 (up z); lra.
have Xunit : X \in unitmx.
  rewrite -row_free_unit; apply: inj_row_free => z hz; apply: dot_eq0.
  by have := Xpos z; rewrite hz (dotC z 0) dot0l => k; have := dot_ge0 z; nra.
have [xi hxi] : exists xi, xi *m X = x by exists (x *m invmx X); rewrite mulmxKV.
have [zeta hw] : exists zeta, w = xi - zeta by exists (xi - w); rewrite opprB addrC subrK.
rewrite -hxi XE hw.
have m1 := middle xi; have o1 := outer xi; have m2 := middle zeta; have lz := low zeta; have uz := up zeta.
have z0 := dot_ge0 zeta.
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG.
have -> : dot zeta (xi *m G) = dot xi (zeta *m G) by rewrite dotC !dotG.
have -> : dot zeta (xi *m G *m G) = dot xi (zeta *m G *m G) by rewrite dotC !dotG.
move: (dot xi xi) (dot xi (xi *m G)) (dot xi (xi *m G *m G)) (dot xi (xi *m G *m G *m G)) m1 o1 => p0 p1 p2 p3 m1 o1.
move: (dot zeta zeta) (dot zeta (zeta *m G)) (dot zeta (zeta *m G *m G)) m2 lz uz z0 => r0 r1 r2 m2 lz uz z0.
move: (dot xi (zeta *m G)) (dot xi (zeta *m G *m G)) => c1 c2.
(* zeta G X zeta >= 0 and xi X (b - G)(G - a) xi >= 0 *)
have gx : 0 <= mu * r1 - h * r2.
  have k1 : 0 <= (mu - h * b) * r1 by rewrite mulr_ge0 // ?(ltW d0) //; nra.
  have k2 : 0 <= h * (a * (b * r0 - r1)) by rewrite !mulr_ge0 ?(ltW a1) //; lra.
  have k3 := mulr_ge0 h1 m2; lra.
have xc : 0 <= mu * ((a + b) * p1 - p2 - a * b * p0) - h * ((a + b) * p2 - p3 - a * b * p1).
  have k1 := mulr_ge0 (ltW d0) m1; have k2 := mulr_ge0 h1 o1; lra.
have mh : 0 <= mu * h by rewrite mulr_ge0 // ltW //; nra.
have key := mulr_ge0 mh xc.
have e : mu ^+ 2 * (mu * p1 - h * p2) = (h * (a + b) * mu + 1 - h ^+ 2 * (a * b)) * (mu * p1 - h * p2) by rewrite mu1.
nra.
Qed.
End Quadratic.

Section Input.
Variable R : rcfType.

(* K = (k + 1/k)/2 for k = cond(W), and the largest singular value that input adaptation can have on the row space *)
Definition mean (k : R) := (k + k^-1) / 2.
Definition mu (k e : R) := mean k * e + Num.sqrt (1 + (mean k ^+ 2 - 1) * e ^+ 2).

Lemma mean_sq (k : R) : 0 < k -> mean k ^+ 2 - 1 = ((k - k^-1) / 2) ^+ 2.
Proof. by move=> hk; rewrite /mean; field; rewrite gt_eqF. Qed.
Lemma mu_spec (k e : R) : 0 < k -> 0 <= e ->
  [/\ mu k e ^+ 2 = 2 * mean k * e * mu k e + 1 - e ^+ 2, 0 < mu k e & k * e < mu k e].
Proof.
move=> hk he; rewrite /mu mean_sq // -exprMn; set g := (k - k^-1) / 2 * e.
have r0 : 0 <= 1 + g ^+ 2 by have := sqr_ge0 g; lra.
have rr : Num.sqrt (1 + g ^+ 2) ^+ 2 = 1 + g ^+ 2 by rewrite sqr_sqrtr.
have hr := sqrtr_ge0 (1 + g ^+ 2); move: (Num.sqrt _) rr hr => q qq q0.
have big : `|g| < q.
  rewrite -(@ltr_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // qq; lra.
have e2 : (mean k * e) ^+ 2 - e ^+ 2 = g ^+ 2 by rewrite /g exprMn [RHS]exprMn -(mean_sq hk); ring.
have m0 : 0 <= mean k * e by rewrite mulr_ge0 // /mean divr_ge0 // addr_ge0 ?invr_ge0 // ltW.
have gk : k * e = mean k * e + g by rewrite /g /mean; lra.
split; first by nra.
  by have := normr_ge0 g; lra.
by rewrite gk ltrD2l; exact: le_lt_trans (ler_norm g) big.
Qed.

Lemma gram c d (W : 'M[R]_(c,d)) (x z : 'rV_c) : dot (x *m W) (z *m W) = dot x (z *m (W *m W^T)).
Proof. by rewrite dot_mx mulmxA. Qed.

Lemma am_gm (e l p q : R) : 0 <= e -> 0 < l -> 2 * (e * p * q) <= e / l * l ^+ 2 * p ^+ 2 + e / l * q ^+ 2.
Proof.
move=> he hl; have := mulr_ge0 (divr_ge0 he (ltW hl)) (sqr_ge0 (l * p - q)).
rewrite -subr_ge0 [X in _ -> 0 <= X](_ : _ = e / l * (l * p - q) ^+ 2) //.
by field; rewrite gt_eqF.
Qed.

Section Layer.
Variables (c d : nat) (W : 'M[R]_(c,d)) (lo hi : R).
Hypothesis lo0 : 0 < lo. Hypothesis lohi : lo <= hi.
Hypothesis stretch : forall x : 'rV_c, lo * norm x <= norm (x *m W) <= hi * norm x.

Theorem input_up (M : 'M[R]_c) (e : R) (x : 'rV_c) : 0 <= e -> spectral_le M e ->
  norm (x *m (1%:M + M) *m W) <= mu (hi / lo) e * norm (x *m W).
Proof.
move=> he hM; have l0 := lo0; have lh := lohi; have h0 : 0 < hi by lra.
have k0 : 0 < hi / lo by rewrite divr_gt0.
have [mu1 mu2 mu3] := mu_spec k0 he.
set y := x *m W; set z := x *m (1%:M + M) *m W.
have [heq|hne] := eqVneq lo hi.
  have iso (v : 'rV_c) : norm (v *m W) = lo * norm v.
    by apply/eqP; rewrite eq_le andbC; have := stretch v; rewrite -heq.
  have -> : mu (hi / lo) e = 1 + e.
    by rewrite /mu /mean -heq divff ?gt_eqF // invr1 (_ : (1 + 1) / 2 = 1 :> R) ?expr1n ?subrr ?mul0r ?addr0 ?sqrtr1; lra.
  rewrite /y /z !iso mulrCA; apply: ler_wpM2l; first exact: ltW.
  exact: one_plus_up.
have [e0|n0] := eqVneq z 0; first by rewrite e0 /norm dot0l sqrtr0 mulr_ge0 ?sqrtr_ge0 // ltW.
have pz := norm_gt0 n0.
suff key (t : R) : 2 * (t * dot y z + t * dot (x *m M *m W) z) <= mu (hi / lo) e * (dot y y + t ^+ 2 * dot z z).
  have hzz : dot y z + dot (x *m M *m W) z = norm z ^+ 2.
    by rewrite norm_sq -dotDl -mulmxDl /z mulmxDr mulmx1.
  have := key (norm y / norm z); rewrite -mulrDr hzz -!norm_sq.
  have -> : norm y / norm z * norm z ^+ 2 = norm y * norm z by field; rewrite gt_eqF.
  have -> : (norm y / norm z) ^+ 2 * norm z ^+ 2 = norm y ^+ 2 by field; rewrite gt_eqF.
  have [y0|yn] := eqVneq y 0.
    have x0 : x = 0.
      apply/eqP; apply: contraT => /norm_gt0 px; have /andP[h _] := stretch x.
      by move: h; rewrite -/y y0 {2}/norm dot0l sqrtr0; nra.
    by move: n0; rewrite /z x0 !mul0mx eqxx.
  by have py := norm_gt0 yn => h; rewrite -(ler_pM2l py); nra.
pose G := W *m W^T.
have sym : G^T = G by rewrite /G trmx_mul trmxK.
have hlow (v : 'rV_c) : lo ^+ 2 * dot v v <= dot v (v *m G).
  rewrite -gram -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW l0) //.
  by have /andP[] := stretch v.
have hup (v : 'rV_c) : dot v (v *m G) <= hi ^+ 2 * dot v v.
  rewrite -gram -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW h0) //.
  by have /andP[] := stretch v.
set w := x *m (1%:M + M); have hz : z = w *m W by [].
have cross : t * dot (x *m M *m W) z <= e * norm x * norm ((t *: w) *m G).
  rewrite -dotZr hz scalemxAl gram; apply: le_trans (ler_norm _) _; apply: le_trans (cauchy_norm _ _) _.
  by rewrite ler_wpM2r ?norm_ge0.
have amgm : 2 * (e * norm x * norm ((t *: w) *m G)) <=
    e / (lo * hi) * (lo ^+ 2 * hi ^+ 2) * dot x x + e / (lo * hi) * dot ((t *: w) *m G) ((t *: w) *m G).
  by rewrite -!norm_sq -exprMn; apply: am_gm; rewrite ?mulr_gt0.
have yz : t * dot y z = dot x ((t *: w) *m G) by rewrite -dotZr hz scalemxAl gram.
have yy : dot y y = dot x (x *m G) by rewrite gram.
have zz : t ^+ 2 * dot z z = dot (t *: w) ((t *: w) *m G) by rewrite -gram -scalemxAl -hz dotZl dotZr; ring.
have ab : lo ^+ 2 < hi ^+ 2 by rewrite ltr_pXn2r ?nnegrE ?(ltW l0) ?(ltW h0) // lt_neqAle hne.
have a0 : 0 < lo ^+ 2 by rewrite exprn_gt0.
have hh : 0 <= e / (lo * hi) by rewrite divr_ge0 // mulr_ge0 // ltW.
have root : mu (hi / lo) e ^+ 2 = e / (lo * hi) * (lo ^+ 2 + hi ^+ 2) * mu (hi / lo) e + 1
   - (e / (lo * hi)) ^+ 2 * (lo ^+ 2 * hi ^+ 2).
  by rewrite mu1 /mean; field; rewrite !gt_eqF.
have large : e / (lo * hi) * hi ^+ 2 < mu (hi / lo) e.
  by apply: le_lt_trans mu3; rewrite le_eqVlt; apply/orP; left; apply/eqP; field; rewrite !gt_eqF.
have := form sym hlow hup a0 ab hh root large x (t *: w).
rewrite yz yy zz; move: cross amgm; lra.
Qed.

Theorem input_low (M : 'M[R]_c) (e : R) (x : 'rV_c) : 0 <= e < 1 -> spectral_le M e ->
  (1 - e ^+ 2) * norm (x *m W) <= mu (hi / lo) e * norm (x *m (1%:M + M) *m W).
Proof.
move=> /andP[he he1] hM; have e2 : 0 < 1 - e ^+ 2 by nra.
pose T : 'M[R]_c := 1%:M + M.
have Tunit : T \in unitmx.
  rewrite -row_free_unit; apply: inj_row_free => z hz; apply/eqP; apply: contraT => /norm_gt0 pz.
  have := one_plus_low hM z; rewrite -/T hz {2}/norm dot0l sqrtr0; nra.
pose N : 'M[R]_c := (1 - e ^+ 2) *: invmx T - 1%:M.
have hN : spectral_le N e.
  move=> z; have [v ->] : exists v, z = v *m T by exists (z *m invmx T); rewrite mulmxKV.
  have -> : v *m T *m N = - (e ^+ 2 *: v + v *m M).
    rewrite /N mulmxBr mulmx1 -scalemxAr mulmxK // /T mulmxDr mulmx1.
    by apply/rowP => i; rewrite !mxE; move: (\sum_j _) => q; ring.
  rewrite normN -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 // exprMn !norm_sq /T mulmxDr mulmx1.
  rewrite !dotDl !dotDr !dotZl !dotZr (dotC (v *m M) v).
  have := spectral_le_sq he hM v; move: (dot v v) (dot v (v *m M)) (dot (v *m M) (v *m M)) => p q r h.
  by have := mulr_ge0 (ltW e2) (_ : 0 <= e ^+ 2 * p - r); rewrite subr_ge0 => /(_ h); lra.
have := input_up (x *m T) he hN.
have -> : x *m T *m (1%:M + N) = (1 - e ^+ 2) *: x.
  by rewrite /N addrC subrK -scalemxAr mulmxK.
by rewrite -scalemxAl normZ gtr0_norm.
Qed.

Lemma full_row (x : 'rV[R]_c) : x *m W != 0 -> x != 0.
Proof. by apply: contra => /eqP ->; rewrite mul0mx. Qed.

Theorem input_shift (M : 'M[R]_c) (e : R) (x1 x2 : 'rV_c) : 0 <= e < 1 -> spectral_le M e ->
  x1 *m W != 0 -> x2 *m W != 0 ->
  artanh_within (sim (x1 *m (1%:M + M) *m W) (x2 *m (1%:M + M) *m W)) (sim (x1 *m W) (x2 *m W))
    (mu (hi / lo) e ^+ 2 / (1 - e ^+ 2)).
Proof.
move=> he hM h1 h2; have /andP[e0 e1] := he; have e2 : 0 < 1 - e ^+ 2 by nra.
have l0 := lo0; have k0 : 0 < hi / lo by rewrite divr_gt0 //; have := lohi; lra.
have [_ m0 _] := mu_spec k0 e0.
have -> : mu (hi / lo) e ^+ 2 / (1 - e ^+ 2) = mu (hi / lo) e / ((1 - e ^+ 2) / mu (hi / lo) e).
  by field; rewrite !gt_eqF.
rewrite -!(mulmxA _ (1%:M + M) W); apply: artanh_shift => //; first by rewrite divr_gt0.
- exact: ltW.
- by move=> z; rewrite mulrAC ler_pdivrMr // [X in _ <= X]mulrC mulmxA; exact: input_low.
- by move=> z; rewrite mulmxA; exact: input_up.
Qed.
End Layer.
End Input.
End Input.
