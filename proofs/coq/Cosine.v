(* Lemmas 1 and 2: the first-order term of the cosine, its bounds, its remainder, its second-order term. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Cosine.
Variable R : rcfType.

(* Lemma 1, Eq. 7 *)
Definition delta n (u v du dv : 'rV[R]_n) : R :=
  (dot du v + dot u dv) / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2 + dot v dv / norm v ^+ 2).

Lemma half n (u v du : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2)| <= sine u v * (norm du / norm u).
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
pose w := (norm u * norm v)^-1 *: v - (sim u v / norm u ^+ 2) *: u.
have -> : dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2) = dot du w.
  by rewrite /w dotDr dotNr !dotZr (dotC du u); field; rewrite !gt_eqF.
have ww : norm w = sine u v / norm u.
  have hw : dot w w = (1 - sim u v ^+ 2) / norm u ^+ 2.
    rewrite /w dotDl !dotDr !dotNl !dotNr !dotZl !dotZr (dotC v u) -!norm_sq /sim; field; by rewrite !gt_eqF.
  rewrite /norm hw sqrtrM; last first.
    have := dot_ge0 w; rewrite hw pmulr_lge0 // invr_gt0 exprn_gt0 //.
  by rewrite sqrtrV ?sqr_ge0 // sqrtr_sqr gtr0_norm.
apply: le_trans (cauchy_norm _ _) _; rewrite ww le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

Lemma simC n (u v : 'rV[R]_n) : sim v u = sim u v.
Proof. by rewrite /sim dotC (mulrC (norm v)). Qed.

Lemma sineC n (u v : 'rV[R]_n) : sine v u = sine u v.
Proof. by rewrite /sine simC. Qed.

Theorem delta_sharp n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; rewrite /delta [X in _ <= X]mulrDr.
have h1 := half du hu hv; have := half dv hv hu; rewrite simC sineC => h2.
apply: (le_trans _ (lerD h1 h2)); apply: (le_trans _ (ler_normD _ _)).
rewrite (dotC u dv) (mulrC (norm v) (norm u)) le_eqVlt; apply/orP; left; apply/eqP; congr `|_|; ring.
Qed.

Lemma sine_ge0 n (u v : 'rV[R]_n) : 0 <= sine u v.
Proof. exact: sqrtr_ge0. Qed.
Lemma sine_le1 n (u v : 'rV[R]_n) : sine u v <= 1.
Proof. by rewrite -[X in _ <= X]sqrtr1 ler_wsqrtr // lerBlDr lerDl sqr_ge0. Qed.
Lemma sine_sq n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> sine u v ^+ 2 = 1 - sim u v ^+ 2.
Proof.
move=> hu hv; rewrite sqr_sqrtr // subr_ge0; have := sim_le1 hu hv.
by rewrite -[sim u v ^+ 2]real_normK ?num_real // => h; rewrite expr_le1 ?normr_ge0.
Qed.

Theorem delta_bound n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; apply: le_trans (delta_sharp du dv hu hv) _.
apply: ler_wpM2r; first by rewrite addr_ge0 // divr_ge0 // norm_ge0.
by apply: le_trans (sine_le1 u v) _; rewrite lerDl.
Qed.

(* unit vectors *)
Definition hat n (u : 'rV[R]_n) := (norm u)^-1 *: u.
Lemma hat1 n (u : 'rV[R]_n) : u != 0 -> dot (hat u) (hat u) = 1.
Proof. by move=> h; rewrite /hat dotZl dotZr -norm_sq; field; rewrite gt_eqF // norm_gt0. Qed.
Lemma sim_hat n (u v : 'rV[R]_n) : sim u v = dot (hat u) (hat v).
Proof. by rewrite /sim /hat dotZl dotZr invfM; ring. Qed.
Lemma norm1 n (u : 'rV[R]_n) : dot u u = 1 -> norm u = 1.
Proof. by move=> h; rewrite /norm h sqrtr1. Qed.

(* one vector is changed: |R| <= (1 + |s|) rho^2 *)
Lemma one_vector n (p q w : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 -> dot w w = 1 ->
  `|dot q w - dot p w - dot (w - dot p w *: p) (r *: q - p)| <= (1 + `|dot p w|) * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq hw.
have cpw := cauchy p w; have cpq := cauchy p q; rewrite hp hw mulr1 in cpw; rewrite hp hq mulr1 in cpq.
have cz := cauchy (w - dot p w *: p) (q - dot p q *: p).
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) (dotC q w) ?hp ?hq ?hw.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) ?hp ?hq ?hw in cz.
move: (dot p w) (dot p q) (dot w q) cpw cpq cz => s x y s1 x1 cz.
set a := `|s|; have a0 : 0 <= a by rewrite normr_ge0.
have aa : a ^+ 2 = s ^+ 2 by rewrite real_normK ?num_real.
have [xl xu] : -1 <= x /\ x <= 1 by split; nra.
have a1 : a <= 1 by nra.
set z := y - s * x.
have hz : z ^+ 2 <= (1 - a ^+ 2) * (1 - x ^+ 2) by rewrite aa /z; lra.
set rho := r ^+ 2 - 2 * r * x + 1; pose g := rho - (1 - x).
have key : rho ^+ 2 - g ^+ 2 - (1 - x ^+ 2) * (1 - r) ^+ 2 = r * (2 + r) * (1 - x) ^+ 2 by rewrite /g /rho; ring.
have key0 : (1 - x ^+ 2) * (1 - r) ^+ 2 <= rho ^+ 2 - g ^+ 2.
  rewrite -subr_ge0 key; apply: mulr_ge0; last exact: sqr_ge0.
  by apply: mulr_ge0 => //; lra.
have rho0 : 0 <= rho by rewrite /rho; have := sqr_ge0 (r - x); nra.
have x2 : 0 <= 1 - x ^+ 2 by nra.
have k1 : 0 <= (1 - x ^+ 2) * (1 - r) ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
have gr : `|g| <= rho by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real //; lra.
move: (gr); rewrite ler_norml => /andP[g1 g2].
have hag : 0 <= rho + a * g.
  have : - (a * rho) <= a * g by rewrite -mulrN ler_wpM2l.
  have : a * rho <= rho by rewrite ler_piMl.
  lra.
have hk : `|(1 - r) * z| <= rho + a * g.
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // exprMn.
  have h1 : (1 - r) ^+ 2 * z ^+ 2 <= (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2).
    by have := ler_wpM2l (sqr_ge0 (1 - r)) hz; lra.
  have h2 : (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2) <= (1 - a ^+ 2) * (rho ^+ 2 - g ^+ 2).
    by apply: ler_wpM2l => //; nra.
  by have := sqr_ge0 (a * rho + g); lra.
have hs : `|s * (1 - x)| = a * (1 - x) by rewrite normrM (@ger0_norm _ (1 - x)) // subr_ge0.
rewrite [X in `|X|](_ : _ = (1 - r) * z - s * (1 - x)); last by rewrite /z; ring.
rewrite [X in _ <= _ * X](_ : _ = rho); last by rewrite /rho; ring.
apply: (le_trans (ler_normB _ _)); rewrite hs; rewrite /g in hk; lra.
Qed.

Lemma unit_dist n (p q : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 ->
  dot (q - p) (q - p) <= 4 * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq.
have cpq := cauchy p q; rewrite hp hq mulr1 in cpq.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) ?hp ?hq.
move: (dot p q) cpq => x x1.
have [xl xu] : -1 <= x /\ x <= 1 by split; nra.
have hx1 : 1 - x <= 2 * (r ^+ 2 - 2 * r * x + 1).
  by have [h|h] := lerP 0 x; have := sqr_ge0 (r - x); have := sqr_ge0 r; nra.
lra.
Qed.

Lemma hat_step n (u du : 'rV[R]_n) : u != 0 -> u + du != 0 ->
  (norm (u + du) / norm u) *: hat (u + du) - hat u = (norm u)^-1 *: du.
Proof.
move=> hu hv; rewrite /hat scalerA mulrAC divff ?mul1r ?gt_eqF ?norm_gt0 //.
by rewrite -scalerBr addrC addKr.
Qed.

Definition rho_sq n (u du : 'rV[R]_n) := (norm du / norm u) ^+ 2.
Lemma rho_sqE n (u du : 'rV[R]_n) : dot ((norm u)^-1 *: du) ((norm u)^-1 *: du) = rho_sq u du.
Proof. by rewrite dotZl dotZr /rho_sq exprMn norm_sq; ring. Qed.
Lemma rho_sq_ge0 n (u du : 'rV[R]_n) : 0 <= rho_sq u du.
Proof. exact: sqr_ge0. Qed.

Theorem remainder n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  `|sim (u + du) (v + dv) - sim u v - delta u v du dv| <= (3 + `|sim u v|) * (rho_sq u du + rho_sq v dv).
Proof.
move=> hu hv hu' hv'.
have ru : 0 <= norm (u + du) / norm u by rewrite divr_ge0 ?norm_ge0.
have rv : 0 <= norm (v + dv) / norm v by rewrite divr_ge0 ?norm_ge0.
have h1 := one_vector ru (hat1 hu) (hat1 hu') (hat1 hv).
have h2 := one_vector rv (hat1 hv) (hat1 hv') (hat1 hu).
have d1 := unit_dist ru (hat1 hu) (hat1 hu').
have d2 := unit_dist rv (hat1 hv) (hat1 hv').
rewrite !hat_step // !rho_sqE in h1 h2 d1 d2.
have c := cauchy_norm (hat (u + du) - hat u) (hat (v + dv) - hat v).
have c2 := sqr_ge0 (norm (hat (u + du) - hat u) - norm (hat (v + dv) - hat v)).
have c3 : `|dot (hat (u + du) - hat u) (hat (v + dv) - hat v)| <= 2 * (rho_sq u du + rho_sq v dv).
  by apply: (le_trans c); rewrite sqrrB !norm_sq in c2; rewrite mulr2n in c2; lra.
rewrite (dotC (hat v) (hat u)) -(sim_hat u v) in h2; rewrite -(sim_hat u v) in h1.
have e : sim (u + du) (v + dv) - sim u v - delta u v du dv =
  (dot (hat (u + du)) (hat v) - sim u v - dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du))
  + (dot (hat (v + dv)) (hat u) - sim u v - dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv))
  + dot (hat (u + du) - hat u) (hat (v + dv) - hat v).
  have -> : delta u v du dv = dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du)
     + dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv).
    rewrite /delta ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) /hat ?(dotZl, dotZr) (dotC v du).
    by field; rewrite !gt_eqF ?norm_gt0.
  rewrite !sim_hat; move: (hat (u + du)) (hat (v + dv)) => q z.
  rewrite ?(dotDl, dotDr, dotNl, dotNr) (dotC z (hat u)); ring.
rewrite e; apply: (le_trans (ler_normD _ _)); apply: (le_trans (lerD (ler_normD _ _) (lexx _))); lra.
Qed.
End Cosine.
