(* Lemma 1 as the claims state it, and what follows for Prop. 1. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Remainders Layers Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Lemma 1 and Props. 1 and 2 to first order, as the claims state them. *)
Module Holds1.
Import Norms Cosine Attained FirstOrder Output.
Section Holds.
Variable R : rcfType.

Lemma deltaE n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  (dot du v + dot u dv) / (norm u * norm v) -
  (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
Proof. by move=> hu hv; rewrite /delta /sim; field; rewrite !gt_eqF // norm_gt0. Qed.

(* rows of two numbers *)
Definition row2 (a b : R) : 'rV[R]_2 := \row_j (if j == 0 then a else b).
Lemma dot2 a b c d : dot (row2 a b) (row2 c d) = a * c + b * d.
Proof. by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0. Qed.
Lemma row2_neq0 a b : a != 0 -> row2 a b != 0.
Proof. by move=> h; apply/eqP => /rowP/(_ 0); rewrite !mxE /= => e; rewrite e eqxx in h. Qed.
Lemma norm2 a b q : a * a + b * b = q ^+ 2 -> 0 <= q -> norm (row2 a b) = q.
Proof. by move=> h hq; rewrite /norm dot2 h sqrtr_sqr ger0_norm. Qed.
Lemma circle (s : R) : -1 < s < 1 -> exists c, 0 < c /\ s ^+ 2 + c ^+ 2 = 1.
Proof.
move=> /andP[h1 h2]; exists (Num.sqrt (1 - s ^+ 2)).
have h : 0 < 1 - s ^+ 2 by nra.
by split; [rewrite sqrtr_gt0|rewrite sqr_sqrtr ?(ltW h) //; ring].
Qed.

Theorem lemma_1_holds : lemma_1 R.
Proof.
rewrite /lemma_1; named.
split=> [d u v du dv hu hv|]; first by rewrite deltaE // delta_bound.
have n1 : norm (row2 1 0) = 1 by apply: norm2 => //; ring.
have n2 : norm (row2 0 1) = 1 by apply: norm2 => //; ring.
have h1 : row2 1 0 != 0 by rewrite row2_neq0 // oner_eq0.
have h2 : row2 0 1 != 0 by apply/eqP => h; have := n2; rewrite h /norm dot0l sqrtr0 => /eqP; rewrite eq_sym oner_eq0.
exists 2%N, (row2 1 0), (row2 0 1), (row2 0 1), (row2 1 0); do 2 (split=> //).
by rewrite /sim !n1 !n2 !dot2 !(mul0r, mulr0, mul1r, mulr1, addr0, add0r, divr1, normr0); split; [rewrite ger0_norm|]; lra.
Qed.

Theorem lemma_1_sharp_holds : lemma_1_sharp R.
Proof.
rewrite /lemma_1_sharp; named.
split=> [d u v du dv hu hv|s a b hs a0 b0]; first by rewrite deltaE // delta_sharp.
have [c [c0 sc]] := circle hs.
have n1 : norm (row2 1 0) = 1 by apply: norm2 => //; ring.
have n2 : norm (row2 s c) = 1 by apply: norm2 => //; rewrite expr1n -sc; ring.
have h1 : row2 1 0 != 0 by rewrite row2_neq0 // oner_eq0.
have h2 : row2 s c != 0 by apply/eqP => h; have := n2; rewrite h /norm dot0l sqrtr0 => /eqP; rewrite eq_sym oner_eq0.
have hsim : sim (row2 1 0) (row2 s c) = s by rewrite /sim n1 n2 dot2; field.
have hc : sine (row2 1 0) (row2 s c) = c.
  by rewrite /sine hsim (_ : 1 - s ^+ 2 = c ^+ 2) ?sqrtr_sqr ?gtr0_norm //; rewrite -sc; ring.
have [p1 p2] := steepest_dot h1 h2; have [q1 q2] := steepest_dot h2 h1.
pose x := (a / c) *: steepest (row2 1 0) (row2 s c); pose y := (b / c) *: steepest (row2 s c) (row2 1 0).
have nx : norm x = a.
  by rewrite normZ steepest_norm // hc n1 gtr0_norm ?divr_gt0 //; field; rewrite gt_eqF.
have ny : norm y = b.
  by rewrite normZ steepest_norm // sineC hc n2 gtr0_norm ?divr_gt0 //; field; rewrite gt_eqF.
exists 2%N, (row2 1 0), (row2 s c), x, y; rewrite deltaE // nx ny n1 n2 hsim hc !divr1.
have -> : delta (row2 1 0) (row2 s c) x y = c * (a + b).
  rewrite /delta /x /y n1 n2; rewrite sineC hc in q2; rewrite hc in p2.
  move: (steepest (row2 1 0) (row2 s c)) (steepest (row2 s c) (row2 1 0)) p1 p2 q1 q2 => X Y p1 p2 q1 q2.
  by rewrite !(dotZr, dotZl) p1 q1 (dotC X) p2 q2 n1 n2; field; rewrite gt_eqF.
by rewrite gtr0_norm ?mulr_gt0 ?addr_gt0.
Qed.

(* two models, each moved by at most e a, e b times the lengths of its outputs *)
Theorem up_to n n' (u v : 'rV[R]_n) (u' v' : 'rV[R]_n') (a b a' b' : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 <= a -> 0 <= b -> 0 <= a' -> 0 <= b' ->
  exists K e0 : R, 0 < e0 /\ forall (e : R) du dv du' dv', 0 < e <= e0 ->
    norm du <= e * a * norm u -> norm dv <= e * b * norm v -> norm du' <= e * a' * norm u' -> norm dv' <= e * b' * norm v' ->
    `|sim (u + du) (v + dv) - sim (u' + du') (v' + dv')|
    <= (sine u v * (a + b) + sine u' v' * (a' + b')) * e + K * e ^+ 2.
Proof.
move=> hu hv hu' hv' hs a0 b0 a0' b0'.
have hd : 0 < 2 * (1 + a + b + a' + b') by lra.
exists (4 * (a ^+ 2 + b ^+ 2 + a' ^+ 2 + b' ^+ 2)), (1 / (2 * (1 + a + b + a' + b'))); split; first by rewrite divr_gt0 //; lra.
move=> e du dv du' dv' /andP[e0]; rewrite ler_pdivlMr // => e1 k1 k2 k3 k4.
have pe z : 0 <= z -> 0 <= e * z by move=> hz; rewrite mulr_ge0 // ltW.
have pa := pe a a0; have pb := pe b b0; have pa' := pe a' a0'; have pb' := pe b' b0'.
have l1 : e * (a + b) <= 1 / 2 by lra.
have l2 : e * (a' + b') <= 1 / 2 by lra.
have m1 := moved_small hu hv (ltW e0) a0 b0 k1 k2 l1; have m2 := moved_small hu' hv' (ltW e0) a0' b0' k3 k4 l2.
rewrite hs in m1; move: (sim (u + du) _) (sim (u' + du') _) (sim u' v') m1 m2 => S S' s m1 m2.
have -> : S - S' = (S - s) - (S' - s) by ring.
apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD m1 m2)); lra.
Qed.

Lemma stretched c d (W : 'M[R]_(c,d)) x : x *m W != 0 -> norm x = norm x / norm (x *m W) * norm (x *m W).
Proof. by move=> h; rewrite divfK // gt_eqF // norm_gt0. Qed.
Lemma stretch_ge0 c d (W : 'M[R]_(c,d)) x : 0 <= norm x / norm (x *m W).
Proof. by rewrite divr_ge0 ?norm_ge0. Qed.
Lemma lora_step c d (W M : 'M[R]_(c,d)) x e : x *m W != 0 -> spectral_le M e ->
  norm (x *m M) <= e * (norm x / norm (x *m W)) * norm (x *m W).
Proof. by move=> h hM; rewrite -mulrA -stretched //; exact: hM. Qed.

Theorem lora_sine c d (W W' : 'M[R]_(c,d)) x1 x2 x1' x2' :
  x1 *m W != 0 -> x2 *m W != 0 -> x1' *m W' != 0 -> x2' *m W' != 0 ->
  sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
  exists K e0 : R, 0 < e0 /\ forall (e : R) (M : 'M[R]_(c,d)), 0 < e <= e0 -> spectral_le M e ->
    `|sim (x1 *m (W + M)) (x2 *m (W + M)) - sim (x1' *m (W' + M)) (x2' *m (W' + M))|
    <= (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W))
      + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) * e + K * e ^+ 2.
Proof.
move=> h1 h2 h1' h2' hs.
have [K [e0 [he0 H]]] := up_to h1 h2 h1' h2' hs (stretch_ge0 W x1) (stretch_ge0 W x2) (stretch_ge0 W' x1') (stretch_ge0 W' x2').
exists K, e0; split=> // e M he hM; rewrite !mulmxDr; apply: H => //; exact: lora_step.
Qed.

Theorem prop_1_abs_holds : prop_1_abs R.
Proof.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs.
have [K [e0 [he0 H]]] := lora_sine h1 h2 h1' h2' hs; exists K, e0; split=> // r A B e he hM _ _ _ _.
apply: (le_trans (H e _ he hM)); rewrite lerD2r.
have := sine_le1 (x1 *m W) (x2 *m W); have := sine_le1 (x1' *m W') (x2' *m W'); have := normr_ge0 (sim (x1 *m W) (x2 *m W)).
have := sine_ge0 (x1 *m W) (x2 *m W); have := sine_ge0 (x1' *m W') (x2' *m W').
have := stretch_ge0 W x1; have := stretch_ge0 W x2; have := stretch_ge0 W' x1'; have := stretch_ge0 W' x2'.
case/andP: he => he _; move: (sine (x1 *m W) _) (sine (x1' *m W') _) `|sim _ _|.
move: (norm x1 / _) (norm x2 / _) (norm x1' / _) (norm x2' / _) => a b a' b' p q s hb' ha' hb ha q0 p0 s0 q1 p1.
have le1 (z t : R) : 0 <= z -> t <= 1 -> t * z <= (1 + s) * z by move=> hz ht; apply: ler_wpM2r => //; lra.
rewrite mulrC [X in _ <= X]mulrAC -[X in _ <= X]mulrC; apply: ler_wpM2l; first exact: ltW.
have := le1 (a + b) _ _ p1; have := le1 (a' + b') _ _ q1.
by rewrite !addr_ge0 // => /(_ isT) k1 /(_ isT) k2; lra.
Qed.

Theorem prop_2_input_vectors_holds : prop_2_input_vectors R.
Proof.
move=> c d e W W' x1 x2 x1' x2' n n' _ _ _ _ _ h1 h2 h1' h2' hs [n0 hn _] [n0' hn' _].
have p m k (V : 'M[R]_(m,k)) x t : 0 <= t -> 0 <= norm x / norm (x *m V) * t by move=> ht; rewrite mulr_ge0 ?stretch_ge0.
have [K [e0 [he0 H]]] := up_to h1 h2 h1' h2' hs (p _ _ W x1 _ n0) (p _ _ W x2 _ n0) (p _ _ W' x1' _ n0') (p _ _ W' x2' _ n0').
exists K, e0; split=> // r A B eps he hM _ _ _ _.
have step k (V : 'M[R]_(c,k)) x t : x *m V != 0 -> spectral_le V t -> 0 <= t ->
    norm (x *m (A *m B) *m V) <= eps * (norm x / norm (x *m V) * t) * norm (x *m V).
  move=> hx hV ht; apply: (le_trans (hV _)).
  have -> : eps * (norm x / norm (x *m V) * t) * norm (x *m V) = t * (eps * norm x).
    by field; rewrite gt_eqF // norm_gt0.
  by apply: ler_wpM2l => //; exact: hM.
rewrite !(mulmxDr, mulmxDl, mulmx1); have := H _ _ _ _ _ he (step _ _ _ _ h1 hn n0) (step _ _ _ _ h2 hn n0)
  (step _ _ _ _ h1' hn' n0') (step _ _ _ _ h2' hn' n0').
move=> k; apply: (le_trans k); lra.
Qed.
End Holds.
End Holds1.

(* lemma-1-expansion, prop-1-segment-small and eq-5-size. *)
Module HoldsExpansion.
Import Norms Cosine FirstOrder Plane Singular.
Section HoldsExpansion.
Variable R : rcfType.

Theorem lemma_1_expansion_holds : lemma_1_expansion R.
Proof.
rewrite /lemma_1_expansion; named.
move=> d u v hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
pose k := (norm u ^+ 2)^-1 + (norm v ^+ 2)^-1.
have iu : 0 < (norm u ^+ 2)^-1 by rewrite invr_gt0 exprn_gt0.
have iv : 0 < (norm v ^+ 2)^-1 by rewrite invr_gt0 exprn_gt0.
exists (4 * k), 1; split=> // du dv _ hu' hv'.
have -> : (dot du v + dot u dv) / (norm u * norm v) -
  (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
  by rewrite /delta /sim; field; rewrite !gt_eqF.
have s1 := sim_le1 hu hv; have h := remainder hu hv hu' hv'.
have q1 := rho_sq_ge0 u du; have q2 := rho_sq_ge0 v dv; have n0 := normr_ge0 (sim u v).
apply: le_trans h _; apply: le_trans (_ : _ <= 4 * (rho_sq u du + rho_sq v dv)) _.
  by rewrite ler_wpM2r ?addr_ge0 //; lra.
rewrite -mulrA ler_wpM2l // /rho_sq !expr_div_n /k.
have a0 := sqr_ge0 (norm du); have b0 := sqr_ge0 (norm dv).
have c0 : 0 <= norm du ^+ 2 * (norm v ^+ 2)^-1 by rewrite mulr_ge0 // ltW.
have d0 : 0 <= norm dv ^+ 2 * (norm u ^+ 2)^-1 by rewrite mulr_ge0 // ltW.
rewrite mulrDl !mulrDr !(mulrC _^-1); lra.
Qed.

Theorem prop_1_segment_small_holds : prop_1_segment_small R.
Proof.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ _ _ _ _ _ r A B e a e0 hM [_ [t /andP[t0 t1] ->]].
have low (x : 'rV_c) : norm (x *m W) - e * norm x <= norm (x *m W + t *: (x *m (A *m B))).
  have := norm_triangle (x *m W + t *: (x *m (A *m B))) (- (t *: (x *m (A *m B)))); rewrite addrK normN normZ ger0_norm //.
  have := hM x; have := norm_ge0 (x *m (A *m B)); nra.
by rewrite le_min !ge_min !low !orbT.
Qed.

Theorem eq_5_size_holds : eq_5_size R.
Proof.
split=> [c d W P lo [_ _ _ sym] WP hlo r A B a [a0 ha _]|].
  have full : \rank W = c by apply/eqP; rewrite -/(row_free W); apply/row_freeP; exists P.
  have pos := singular_gt0 full (ltn0Sn 0) hlo.
  move=> x; rewrite mulrAC ler_pdivlMr // (mulmxA x P).
  apply: le_trans (ler_wpM2r (ltW pos) (ha (x *m P))) _; rewrite -mulrA; apply: ler_wpM2l => //.
  rewrite mulrC; apply: le_trans (least_stretch (x *m P) (full_wide full) hlo) _; rewrite -mulmxA.
  have [-> | nz] := eqVneq (x *m (P *m W)) 0; first by rewrite /norm dot0l sqrtr0 sqrtr_ge0.
  have idem : P *m W *m (P *m W) = P *m W by rewrite mulmxA -(mulmxA P) WP mulmx1.
  have := cauchy_norm x (x *m (P *m W)); have p := norm_gt0 nz.
  have -> : dot x (x *m (P *m W)) = norm (x *m (P *m W)) ^+ 2.
    by rewrite norm_sq dot_mx -mulmxA sym idem.
  by rewrite ger0_norm ?sqr_ge0 // expr2 ler_pM2r.
have n1 : norm (1%:M : 'rV[R]_1) = 1 by rewrite /norm /dot big_ord_recl big_ord0 !mxE eqxx mulr1 addr0 sqrtr1.
have sp : spectral (1%:M : 'M[R]_1) 1.
  split=> [|x|b b0 h]; [exact: ler01|by rewrite mulmx1 mul1r|].
  by have := h 1%:M; rewrite mulmx1 n1 mulr1.
have sg : singular 1 (1%:M : 'M[R]_1) 1.
  apply/singular_rows => //; split=> [||b b0 [V hV h]]; first exact: ler01.
    by exists 1%:M => [|y]; [rewrite /row_free mxrank1|rewrite !mulmx1 mul1r].
  have V0 : V != 0 by move: hV; rewrite /row_free rank_rV; case: (V != 0).
  by have := h 1%:M; rewrite mulmx1 mul1mx -{1}[norm V]mul1r ler_pM2r // norm_gt0.
exists 1, 1, 1%:M, 1%:M, 1, 1, 1%:M, 1%:M, 1, 1; rewrite !mulmx1 divr1; split; first by split; rewrite ?mulmx1 ?trmx1.
by do 5 (split=> //); rewrite ltr01.
Qed.
End HoldsExpansion.
End HoldsExpansion.

(* Lemma 1's remainder as the claims state it, with the best constant for every s, and what follows for Prop. 1. *)
Module HoldsRemainder.
Import Norms Cosine Holds1 Remainder.
Section HoldsRemainder.
Variable R : rcfType.

Theorem lemma_1_remainder_holds : lemma_1_remainder R.
Proof.
rewrite /lemma_1_remainder; named.
move=> d u v du dv hu' hv' hu hv; split; first exact: remainder_le.
have := remainder_ge hu' hv' hu hv; rewrite lerNl /least /half opprK; exact.
Qed.

(* the larger of the two constants *)
Definition most (s : R) := least (- `|s|).
Lemma mostE s : most s = Num.sqrt ((1 + `|s|) / 2) * (1 + Num.sqrt ((1 + `|s|) / 2)).
Proof. by rewrite /most /least /half opprK. Qed.
Lemma least_anti (a b : R) : a <= b -> least b <= least a.
Proof.
move=> ab; have h : Remainder.half b <= Remainder.half a.
  by rewrite /Remainder.half ler_wsqrtr // ler_wpM2r ?invr_ge0 // lerD2l lerN2.
have b0 := half_ge0 b; rewrite /least; apply: ler_pM => //; first by rewrite addr_ge0.
by rewrite lerD2l.
Qed.
Lemma remainder_abs n (u v du dv : 'rV[R]_n) : u + du != 0 -> v + dv != 0 -> u != 0 -> v != 0 ->
  `|sim (u + du) (v + dv) - sim u v - Remainder.delta u v du dv| <= most (sim u v) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2).
Proof.
move=> hu' hv' hu hv; have r0 : 0 <= (norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2 by rewrite addr_ge0 ?sqr_ge0.
rewrite ler_norml; apply/andP; split.
  apply: le_trans _ (remainder_ge hu' hv' hu hv); rewrite lerN2 ler_wpM2r //.
  by apply: least_anti; rewrite lerN2 ler_norm.
apply: le_trans (remainder_le hu' hv' hu hv) _; rewrite ler_wpM2r //.
by apply: least_anti; rewrite lerNl -normrN ler_norm.
Qed.

Theorem lemma_1_remainder_best_holds : lemma_1_remainder_best R.
Proof.
rewrite /lemma_1_remainder_best; named.
split=> [d u v du dv hu' hv' hu hv|s q /andP[s1 s2] /andP[q0 q1]].
  by have := remainder_abs hu' hv' hu hv; rewrite mostE.
have c0 : 0 < Remainder.half (- `|s|) by rewrite sqrtr_gt0 divr_gt0 // opprK ltr_pwDl.
have K0 : 0 < most s by rewrite /most /least mulr_gt0 // addr_gt0.
have qK : q * most s < most s by rewrite gtr_pMl.
have lt1 : -1 <= - `|s| < 1.
  have n0 := normr_ge0 s; have n1 : `|s| < 1 by rewrite ltr_norml s1.
  by apply/andP; split; lra.
have [u [v [du [dv [[a b c e] sv h]]]]] := remainder_sharp lt1 qK.
have [sp|sn] := lerP 0 s.
  exists 2, u, (- v), du, (- dv); rewrite -opprD !oppr_eq0 !simNr sv (ger0_norm sp) !opprK; do 5 (split=> //).
  rewrite -/(Remainder.delta u (- v) du (- dv)) deltaN !normN -mostE.
  have -> : - sim (u + du) (v + dv) - s - - Remainder.delta u v du dv
      = - (sim (u + du) (v + dv) - sim u v - Remainder.delta u v du dv) by rewrite sv (ger0_norm sp); ring.
  rewrite normrN; apply: lt_le_trans (ler_norm _).
  by rewrite mulrA; exact: h.
exists 2, u, v, du, dv; rewrite sv ltr0_norm // opprK; do 5 (split=> //).
rewrite -(ltr0_norm sn) -mostE -/(Remainder.delta u v du dv); apply: lt_le_trans (ler_norm _).
by rewrite mulrA; move: h; rewrite sv opprK.
Qed.

Lemma most_ge0 s : 0 <= most s.
Proof. by rewrite /most /least mulr_ge0 ?half_ge0 // addr_ge0 ?half_ge0. Qed.
Lemma moved_best n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + most (sim u v) * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv hu' hv' he ha hb hdu hdv.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have ru : 0 <= norm du / norm u <= e * a by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have rv : 0 <= norm dv / norm v <= e * b by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have h1 := delta_sharp du dv hu hv; have h2 := remainder_abs hu' hv' hu hv.
have h3 : Remainder.delta u v du dv = Cosine.delta u v du dv by exact: deltaE.
rewrite h3 in h2.
have -> : sim (u + du) (v + dv) - sim u v
  = Cosine.delta u v du dv + (sim (u + du) (v + dv) - sim u v - Cosine.delta u v du dv) by ring.
apply: (le_trans (ler_normD _ _)); apply: lerD.
  apply: (le_trans h1); rewrite -mulrA ler_wpM2l ?sine_ge0 //; lra.
apply: (le_trans h2); rewrite -mulrA; apply: ler_wpM2l; first exact: most_ge0.
move: ru rv => /andP[r1 r2] /andP[r3 r4].
have k1 : (norm du / norm u) ^+ 2 <= (e * a) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
have k2 : (norm dv / norm v) ^+ 2 <= (e * b) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
rewrite !exprMn in k1 k2 *; lra.
Qed.

Theorem prop_1_explicit_holds : prop_1_explicit R.
Proof.
rewrite /prop_1_explicit; named.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs r A B e he hM k1 k2 k3 k4.
rewrite !mulmxDr in k1 k2 k3 k4 *.
have m1 := moved_best h1 h2 k1 k2 he (stretch_ge0 W x1) (stretch_ge0 W x2) (lora_step h1 hM) (lora_step h2 hM).
have m2 := moved_best h1' h2' k3 k4 he (stretch_ge0 W' x1') (stretch_ge0 W' x2') (lora_step h1' hM) (lora_step h2' hM).
rewrite -hs in m2; rewrite -mostE; move: (most (sim (x1 *m W) (x2 *m W))) m1 m2 => t m1 m2.
move: (norm x1 / _) (norm x2 / _) (norm x1' / _) (norm x2' / _) m1 m2 => a b a' b'.
move: (sim (x1 *m W) _) (sine (x1 *m W) _) (sine (x1' *m W') _) (sim _ _) (sim _ (x2' *m W' + _)) => s p q S S' m1 m2.
have -> : S - S' = (S - s) - (S' - s) by ring.
apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD m1 m2)); lra.
Qed.

(* Remark A.1: c(1 + c) is at most 2, and A_min at most the norm of each output *)
Lemma most_le2 s : `|s| <= 1 -> most s <= 2.
Proof.
move=> h; rewrite mostE; set t := Num.sqrt _; have t0 : 0 <= t by exact: sqrtr_ge0.
have t1 : t <= 1 by rewrite -sqrtr1 ler_wsqrtr // ler_pdivrMr //; lra.
nra.
Qed.
Lemma by_least (a b p q e : R) : 0 <= e -> 0 <= a -> 0 <= b -> e * a < p -> e * b < q ->
  (a / p) ^+ 2 + (b / q) ^+ 2 <= (a ^+ 2 + b ^+ 2) / Num.min (p - e * a) (q - e * b) ^+ 2.
Proof.
move=> e0 a0 b0 ap bq; set m := Num.min _ _.
have m0 : 0 < m by rewrite lt_min !subr_gt0 ap.
have mp : m <= p by rewrite ge_min lerBlDr lerDl mulr_ge0.
have mq : m <= q by rewrite ge_min [X in _ || X]lerBlDr lerDl mulr_ge0 ?orbT.
have inv x : m <= x -> (x ^+ 2)^-1 <= (m ^+ 2)^-1.
  move=> mx; have x0 : 0 < x by exact: lt_le_trans mx.
  by rewrite lef_pV2 ?posrE ?exprn_gt0 // ler_pXn2r ?nnegrE ?(ltW m0) ?(ltW x0).
by rewrite !expr_div_n mulrDl; apply: lerD; apply: ler_wpM2l; rewrite ?sqr_ge0 ?inv.
Qed.
Theorem remark_a1_holds : remark_a1 R.
Proof.
move=> c d W W' x1 x2 x1' x2' n1 n2 n1' n2' hx h1 h2 h1' h2' hs r A B e e0 hM l1 l2 l3 l4 k1 k2 k3 k4.
have M := @prop_1_explicit_holds c d W W' x1 x2 x1' x2' n1 n2 n1' n2' hx h1 h2 h1' h2' hs r A B e e0 hM k1 k2 k3 k4.
apply: le_trans M _; rewrite lerD2l /c_larger -mostE -addrA.
have s1 : most (sim (x1 *m W) (x2 *m W)) <= 2 by apply: most_le2; exact: sim_le1 h1 h2.
have t0 := most_ge0 (sim (x1 *m W) (x2 *m W)).
have b1 := by_least e0 (norm_ge0 x1) (norm_ge0 x2) l1 l2.
have b2 := by_least e0 (norm_ge0 x1') (norm_ge0 x2') l3 l4.
apply: le_trans (ler_wpM2l _ (lerD b1 b2)) _; first by rewrite mulr_ge0 ?sqr_ge0.
apply: ler_wpM2r; last by rewrite ler_wpM2r ?sqr_ge0.
by rewrite addr_ge0 // divr_ge0 ?addr_ge0 ?sqr_ge0.
Qed.
End HoldsRemainder.
End HoldsRemainder.
