(* Lemmas 1 and 2 as the claims state them, and what follows for Prop. 1. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Layers Statements.
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

(* Lemma 2 as the claims state it: the printed bound, and the best one. *)
Module HoldsLemma2.
Import Norms Remainder SecondOrder.
Section HoldsLemma2.
Variable R : rcfType.

Lemma sim_unit n (u v : 'rV[R]_n) : dot u u = 1 -> dot v v = 1 -> sim u v = dot u v.
Proof. by move=> uu vv; rewrite /sim /norm uu vv sqrtr1 mulr1 divr1. Qed.
Lemma unscaled n (U V P Q : 'rV[R]_n) a b q : 0 < a -> 0 < b ->
  second_order (a *: U) (b *: V) (a *: P) (b *: Q) q -> second_order U V P Q q.
Proof.
move=> a0 b0 [l [K [e0 [h0 h]]]]; exists l, K, e0; split=> // t /h.
have e (x y : 'rV[R]_n) c : c *: x + t *: (c *: y) = c *: (x + t *: y) by rewrite scalerDr !scalerA mulrC.
by rewrite !e !simZ.
Qed.
Lemma rescaled n (U V P Q : 'rV[R]_n) a q : 0 < a ->
  second_order U V P Q q -> second_order (a *: U) (a *: V) (a *: P) (a *: Q) q.
Proof.
move=> a0 h; apply: (@unscaled _ _ _ _ _ a^-1 a^-1); rewrite ?invr_gt0 //.
by rewrite !scalerA mulVf ?scale1r // gt_eqF.
Qed.
Definition hessian_bounds n (u v : 'rV[R]_n) (b : R) :=
  0 <= b /\ forall du dv q, second_order u v du dv q -> `|q| <= b * (norm du ^+ 2 + norm dv ^+ 2).

Lemma bounded n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  hessian_bounds u v ((1 + `|sim u v|) / Num.min (norm u) (norm v) ^+ 2).
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
set m := Num.min _ _; have m0 : 0 < m by rewrite lt_min pu.
split=> [|du dv q]; first by rewrite divr_ge0 ?exprn_ge0 ?ltW // ltr_pwDl.
move: hu hv pu pv => /unit[a [U [a0 uu eu]]] /unit[b [V [b0 vv ev]]] _ _.
have na : norm u = a by rewrite eu normZ gtr0_norm // /norm uu sqrtr1 mulr1.
have nb : norm v = b by rewrite ev normZ gtr0_norm // /norm vv sqrtr1 mulr1.
have [P eP] : exists P, du = a *: P by exists (a^-1 *: du); rewrite scalerA mulfV ?scale1r // gt_eqF.
have [Q eQ] : exists Q, dv = b *: Q by exists (b^-1 *: dv); rewrite scalerA mulfV ?scale1r // gt_eqF.
have ma : m <= a by rewrite -na ge_min lexx.
have mb : m <= b by rewrite -nb ge_min lexx orbT.
rewrite eu ev eP eQ => /(unscaled a0 b0) /(second_orderE uu vv) ->.
rewrite simZ // sim_unit //; apply: le_trans (hessian_le uu vv P Q) _.
rewrite -mulrA; apply: ler_wpM2l; first by rewrite ltW // ltr_pwDl.
have less c (x : 'rV[R]_n) : m <= c -> dot x x <= (m ^+ 2)^-1 * norm (c *: x) ^+ 2.
  move=> mc; have c0 := lt_le_trans m0 mc; rewrite normZ gtr0_norm // exprMn norm_sq mulrA.
  rewrite ler_peMl ?dot_ge0 // mulrC ler_pdivlMr ?exprn_gt0 // mul1r.
  by rewrite ler_pXn2r ?nnegrE // ltW.
by rewrite mulrDr lerD // less.
Qed.

Theorem lemma_2_holds : lemma_2 R.
Proof.
rewrite /lemma_2; named.
move=> d u v h [_ least_h] hu hv; apply: le_trans (least_h _ (bounded hu hv)) _.
have p : 0 <= (1 + `|sim u v|) / Num.min (norm u) (norm v) ^+ 2.
  by rewrite divr_ge0 ?exprn_ge0 ?le_min ?norm_ge0 // ltW // ltr_pwDl.
rewrite -mulrA; lra.
Qed.

Theorem lemma_2_sharp_holds : lemma_2_sharp R.
Proof.
rewrite /lemma_2_sharp; named.
split=> [d u v h [_ least_h] hu hv|s m /andP[s1 s2] m0]; first exact: least_h _ (bounded hu hv).
pose u : 'rV[R]_3 := \row_j (j == 0)%:R.
pose v : 'rV[R]_3 := \row_j if j == 0 then s else if j == 1 then Num.sqrt (1 - s ^+ 2) else 0.
pose w : 'rV[R]_3 := \row_j (j == 2%:R)%:R.
have uu : dot u u = 1 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have uv : dot u v = s by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have vv : dot v v = 1.
  rewrite /dot !big_ord_recl big_ord0 !mxE /= -!expr2 sqr_sqrtr; [ring|nra].
have ww : dot w w = 1 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have uw : dot u w = 0 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have vw : dot v w = 0 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have nz (x : 'rV[R]_3) : dot x x = 1 -> x != 0.
  by move=> h; apply/eqP => z; move: h; rewrite z dot0l => /eqP; rewrite eq_sym oner_eq0.
have sv : sim u v = s by rewrite sim_unit.
have one : Num.min (norm (m *: u)) (norm (m *: v)) = m.
  by rewrite !normZ /norm uu vv sqrtr1 mulr1 gtr0_norm // minxx.
have mz (x : 'rV[R]_3) : dot x x = 1 -> m *: x != 0.
  by move=> h; rewrite scaler_eq0 negb_or nz // gt_eqF.
have b := bounded (mz _ uu) (mz _ vv); rewrite one simZ // sv in b.
exists 3, (m *: u), (m *: v), ((1 + `|s|) / m ^+ 2); rewrite simZ // sv one !mz //; do 2 (split=> //).
have mm : 0 < m ^+ 2 by rewrite exprn_gt0.
split; last by do 3 (split=> //); rewrite divr_gt0 // ltr_pwDl.
split=> // k [k0 hk].
pose e : R := if 0 <= s then -1 else 1.
have := hk _ _ _ (rescaled m0 (hessian_second uu vv w (e *: w))).
rewrite ler_pdivrMr // /hessian /across /along uv !(dotZl, dotZr) (dotC w v) uw vw ww !normZ /norm ww sqrtr1 (gtr0_norm m0).
have -> : `|e| = 1 by rewrite /e; case: ifP => _; rewrite ?normrN normr1.
have [t0|t0] := lerP 0 s.
  have -> : e = -1 by rewrite /e t0.
  rewrite (ger0_norm t0) ler_norml => /andP[h _]; lra.
have -> : e = 1 by rewrite /e leNgt t0.
rewrite (ltr0_norm t0) ler_norml => /andP[_ h]; lra.
Qed.
End HoldsLemma2.
End HoldsLemma2.

(* lemma-2-integral: the remainder of Lemma 1 by the Hessian along the segment, over the real numbers. *)
Module HoldsTaylor.
Import Norms Cosine FirstOrder Remainder SecondOrder HoldsLemma2 Logarithm Calculus.
Section HoldsTaylor.
Variable R : rcfType.
Local Notation delta := Cosine.delta.

(* the cosine along the segment has second-order terms, and Eq. 7 is its slope *)
Lemma second_at n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> exists q K e0 : R,
  [/\ 0 < e0, second_order u v du dv q, `|q| <= 2 * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2) &
  forall t : R, `|t| <= e0 ->
    `|sim (u + t *: du) (v + t *: dv) - sim u v - t * delta u v du dv - t ^+ 2 * (q / 2)| <= K * `|t| ^+ 3].
Proof.
move=> /unit[a [U [a0 uu eu]]] /unit[b [V [b0 vv ev]]].
have [P eP] : exists P, du = a *: P by exists (a^-1 *: du); rewrite scalerA mulfV ?scale1r // gt_eqF.
have [Q eQ] : exists Q, dv = b *: Q by exists (b^-1 *: dv); rewrite scalerA mulfV ?scale1r // gt_eqF.
have na : norm u = a by rewrite eu normZ gtr0_norm // /norm uu sqrtr1 mulr1.
have nb : norm v = b by rewrite ev normZ gtr0_norm // /norm vv sqrtr1 mulr1.
have sE t : sim (u + t *: du) (v + t *: dv) = sim (U + t *: P) (V + t *: Q).
  have e (x y : 'rV[R]_n) c : c *: x + t *: (c *: y) = c *: (x + t *: y) by rewrite scalerDr !scalerA mulrC.
  by rewrite eu ev eP eQ !e simZ.
have s0 : sim u v = dot U V by rewrite eu ev simZ // sim_unit.
have dE : delta u v du dv = across U V P Q - dot U V * along U V P Q.
  rewrite /delta s0 na nb eu ev eP eQ !(dotZl, dotZr) /across /along.
  by rewrite (dotC U P); field; rewrite !gt_eqF.
have [K [e0 [K0 [/andP[h0 _] H]]]] := expansion uu vv P Q.
exists (hessian U V P Q), K, e0.
have main t : `|t| <= e0 -> `|sim (u + t *: du) (v + t *: dv) - sim u v - t * delta u v du dv - t ^+ 2 * (hessian U V P Q / 2)|
    <= K * `|t| ^+ 3 by move=> /H; rewrite sE s0 dE.
split=> //; first by exists (delta u v du dv), K, e0.
apply: le_trans (hessian_le uu vv P Q) _; rewrite na nb eP eQ !normZ (gtr0_norm a0) (gtr0_norm b0) !(mulrAC _ (norm _)) !divff ?gt_eqF // !mul1r.
rewrite !norm_sq; apply: ler_wpM2r; first by rewrite addr_ge0 ?dot_ge0.
by have := cauchy_norm U V; rewrite /norm uu vv sqrtr1; lra.
Qed.

Theorem lemma_2_integral_holds : lemma_2_integral R.
Proof.
rewrite /lemma_2_integral; named.
move=> full; split=> [d u v du dv m h [low _] m0 _ _ hu hv [[h0 hb] _]|q /andP[q0 q1]].
  have -> : (dot du v + dot u dv) / (norm u * norm v) -
    (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
    by rewrite /delta /sim; field; rewrite !gt_eqF // norm_gt0.
  pose N := norm du ^+ 2 + norm dv ^+ 2; pose f t := sim (u + t *: du) (v + t *: dv).
  have nz t : 0 <= t <= 1 -> u + t *: du != 0 /\ v + t *: dv != 0.
    move=> /low; rewrite le_min => /andP[a b]; have p (x : 'rV[R]_d) : m <= norm x -> x != 0.
      by move=> hx; apply/eqP => z; rewrite z /norm dot0l sqrtr0 in hx; have := le_lt_trans hx m0; rewrite ltxx.
    by split; apply: p.
  have at_t t : 0 <= t <= 1 -> exists2 q, `|q| <= h * N & expands f t (delta (u + t *: du) (v + t *: dv) du dv) q.
    move=> ht; have [hut hvt] := nz t ht; have [q [K [e0 [p hq _ H]]]] := second_at du dv hut hvt.
    exists q; first exact: (hb t du dv q ht hq).
    exists K, e0; split=> // s hs.
    have -> : f (t + s) = sim (u + t *: du + s *: du) (v + t *: dv + s *: dv) by rewrite /f !scalerDl !addrA.
    exact: H.
  have i0 : 0 <= (0 : R) <= 1 by rewrite lexx ler01.
  have side k : k = 1 \/ k = -1 -> k * (f 1 - f 0 - delta u v du dv) <= 1 / 2 * h * N.
    move=> hk; have k1 : k * k = 1 by case: hk => ->; ring.
    have nk q : `|q| <= h * N -> 0 <= h * N - k * q.
      by rewrite ler_norml => /andP[a b]; case: hk => ->; lra.
    pose g t := (h * N) / 2 * t ^+ 2 + (- k) * f t.
    have gt t : 0 <= t <= 1 -> exists2 q, 0 <= q & expands g t (h * N * t + (- k) * delta (u + t *: du) (v + t *: dv) du dv) q.
      move=> /at_t[q /nk hq ex]; exists (h * N + (- k) * q); first by rewrite mulNr.
      exact: (expands_add (expands_square (h * N) t) (expands_scale (- k) ex)).
    have := @above R full g (- k * delta u v du dv).
    have g0 := gt 0 i0; rewrite !scale0r !addr0 mulr0 add0r in g0.
    move=> /(_ g0) A; have {}A : g 0 + - k * delta u v du dv <= g 1.
      by apply: A => t /gt[q hq ex]; exists q => //; exists (h * N * t + (- k) * delta (u + t *: du) (v + t *: dv) du dv).
    rewrite /g expr0n /= mulr0 add0r expr1n mulr1 !mulNr in A; rewrite -subr_ge0.
    have -> : 1 / 2 * h * N - k * (f 1 - f 0 - delta u v du dv) = (h * N / 2 - k * f 1) - (- (k * f 0) - k * delta u v du dv).
      by field.
    by rewrite subr_ge0.
  have e1 : sim (u + du) (v + dv) = f 1 by rewrite /f !scale1r.
  have e0 : sim u v = f 0 by rewrite /f !scale0r !addr0.
  rewrite e1 {1}e0 ler_norml; apply/andP; split.
    by rewrite lerNl -mulN1r; exact: (side (-1) (or_intror erefl)).
  by have := side 1 (or_introl erefl); rewrite mul1r.
pose t := Num.min 1 ((1 - q) / 2).
have t0 : 0 < t by rewrite lt_min ltr01 divr_gt0 // subr_gt0.
have t1 : t <= 1 by rewrite ge_min lexx.
have tq : t <= (1 - q) / 2 by rewrite ge_min lexx orbT.
pose e : 'rV[R]_2 := \row_j (j == 0)%:R; pose w : 'rV[R]_2 := \row_j (j != 0)%:R.
have ee : dot e e = 1 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have ww : dot w w = 1 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have ew : dot e w = 0 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have size (x : R) : dot (e + x *: w) (e + x *: w) = 1 + x ^+ 2.
  by rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC w e) ee ew ww; ring.
have pos (x : R) : 0 < 1 + x ^+ 2 by have := sqr_ge0 x; lra.
have nz (x : R) : e + x *: w != 0.
  by apply/eqP => z; have := pos x; rewrite -size z dot0l ltxx.
have e0 : e != 0 by have := nz 0; rewrite scale0r addr0.
have mirror (x : R) : (e - x *: w) = e + (- x) *: w by rewrite scaleNr.
have along (x : R) : [/\ e + x *: (t *: w) = e + (x * t) *: w & e + x *: - (t *: w) = e + (- (x * t)) *: w].
  by rewrite scalerN !scalerA scaleNr.
have nmin (x : R) : Num.min (norm (e + x *: w)) (norm (e + (- x) *: w)) = Num.sqrt (1 + x ^+ 2).
  by rewrite /norm !size sqrrN minxx.
have see : sim e e = 1 by rewrite /sim /norm ee sqrtr1 mulr1 divr1.
have nn : norm (t *: w) = t by rewrite normZ /norm ww sqrtr1 mulr1 gtr0_norm.
have seg : segment e e (t *: w) (- (t *: w)) 1.
  split=> [x _|].
    by have [-> ->] := along x; rewrite nmin -[X in X <= _]sqrtr1 ler_wsqrtr // lerDl sqr_ge0.
  exists 0; first by rewrite lexx ler01.
  by have [-> ->] := along 0; rewrite nmin mul0r expr0n /= addr0 sqrtr1.
have sup : sup_hessian_norm e e (t *: w) (- (t *: w)) 2.
  split=> [|b [b0 hb]].
    split=> [|x p r k hx]; first exact: ler0n.
    have [-> ->] := along x; set y := x * t => h2.
    have [_ H] := bounded (nz y) (nz (- y)); apply: le_trans (H _ _ _ h2) _.
    apply: ler_wpM2r; first by rewrite addr_ge0 ?sqr_ge0.
    rewrite nmin sqr_sqrtr ?(ltW (pos y)) // ler_pdivrMr ?pos //.
    by have s1 := sim_le1 (nz y) (nz (- y)); have y0 := sqr_ge0 y; clear -s1 y0; lra.
  have := hb 0 w (- w) (hessian e e w (- w)); rewrite !scale0r !addr0 lexx ler01 => /(_ isT (hessian_second ee ee w (- w))).
  rewrite /hessian /across /along !(dotNl, dotNr) (dotC w e) ew ww ee normN /norm ww sqrtr1.
  rewrite ler_norml => /andP[h _]; clear -h; lra.
exists 2, e, e, (t *: w), (- (t *: w)), 1, 2.
rewrite mirror e0 !nz normN nn see; split; first exact: seg; split; first exact: ltr01.
do 4 (split=> //); split; first exact: sup.
have sv : sim (e + t *: w) (e + (- t) *: w) = (1 - t ^+ 2) / (1 + t ^+ 2).
  rewrite /sim /norm !size sqrrN -expr2 sqr_sqrtr ?(ltW (pos t)) //; congr (_ / _).
  by rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC w e) ee ew ww; ring.
rewrite sv !(dotNr, dotZl, dotZr) (dotC w e) ew !(mulr0, oppr0, addr0, mul0r, subr0).
have -> : (1 - t ^+ 2) / (1 + t ^+ 2) - 1 = - (2 * t ^+ 2 / (1 + t ^+ 2)) by field; rewrite gt_eqF.
have tt : 0 < t ^+ 2 by rewrite exprn_gt0.
rewrite normrN ger0_norm; last by rewrite divr_ge0 ?ltW // mulr_gt0.
rewrite ltr_pdivlMr //; have t2 : t ^+ 2 <= t by rewrite expr2 ler_piMl // ltW.
have a1 : q * t ^+ 2 <= q * ((1 - q) / 2) by rewrite ler_pM2l //; exact: le_trans t2 tq.
have a2 : q * (1 - q) < 1 - q by rewrite gtr_pMl // subr_gt0.
have small : q * (1 + t ^+ 2) < 1 by clear -a1 a2 q1; lra.
have : q * (1 + t ^+ 2) * (2 * t ^+ 2) < 1 * (2 * t ^+ 2) by rewrite ltr_pM2r // mulr_gt0.
by move=> a3; clear -a3; lra.
Qed.
(* -ln(1 - s p) is continuous, and its second differences are at least those of its tangent parabola *)
Lemma near_ln (ln : R -> R) p t : logarithm ln -> 0 <= p < 1 -> 0 <= t <= 1 -> near (fun s => - ln (1 - s * p)) t.
Proof.
move=> log /andP[p0 p1] /andP[t0 t1] e e0; pose r := Num.min ((1 - p) / 2) (e * (1 - p) / 2).
have low : 1 - p <= 1 - t * p by rewrite lerD2l lerN2 ler_piMl.
have q0 : 0 < 1 - p by lra.
exists r => [|s]; first by rewrite lt_min !divr_gt0 ?mulr_gt0.
rewrite le_min ler_norml => /andP[/andP[a1 a2] hr].
have near1 : `|(1 - t * p) - (1 - s * p)| <= `|s - t|.
  have -> : 1 - t * p - (1 - s * p) = (s - t) * p by ring.
  by rewrite normrM (ger0_norm p0) ler_piMr // ltW.
have near2 := le_trans near1 hr; rewrite ler_norml in near2; case/andP: near2 => b1 b2.
have hs : `|s - t| <= (1 - p) / 2 by rewrite ler_norml a1.
have near3 := le_trans near1 hs; rewrite ler_norml in near3; case/andP: near3 => c1 c2.
move: (1 - t * p) (1 - s * p) low b1 b2 c1 c2 => a b low b1 b2 c1 c2.
have a0 : 0 < a by lra. have b0 : (1 - p) / 2 <= b by lra.
have b0' : 0 < b by lra.
have l1 := ln_le log (divr_gt0 a0 b0'); have l2 := ln_le log (divr_gt0 b0' a0).
rewrite (ln_div log a0 b0') in l1; rewrite (ln_div log b0' a0) in l2.
have k1 : a / b - 1 <= e.
  by rewrite lerBlDr ler_pdivrMr //; have : e * ((1 - p) / 2) <= e * b by [rewrite ler_pM2l]; lra.
have k2 : b / a - 1 <= e.
  by rewrite lerBlDr ler_pdivrMr //; have : e * (1 - p) <= e * a by [rewrite ler_pM2l]; have : 0 < e * (1 - p) by [exact: mulr_gt0]; lra.
by rewrite ler_norml; lra.
Qed.
Lemma bends_ln (ln : R -> R) p t h : logarithm ln -> 0 <= p < 1 -> 0 < t < 1 -> 0 < h -> h <= t -> h <= 1 - t ->
  h ^+ 2 * (p / (1 - t * p)) ^+ 2 <= - ln (1 - (t + h) * p) - ln (1 - (t - h) * p) + 2 * ln (1 - t * p).
Proof.
move=> log /andP[p0 p1] /andP[t0 t1] h0 ht ht1.
have q s : 0 <= s <= 1 -> 0 < 1 - s * p.
  by move=> /andP[s0 s1]; have : s * p <= p by [rewrite ler_piMl]; lra.
have q1 : 0 < 1 - t * p by apply: q; lra.
have q2 : 0 < 1 - (t + h) * p by apply: q; lra.
have q3 : 0 < 1 - (t - h) * p by apply: q; lra.
have := ln_le log (divr_gt0 (mulr_gt0 q2 q3) (exprn_gt0 2 q1)).
rewrite (ln_div log (mulr_gt0 q2 q3) (exprn_gt0 2 q1)) (ln_sq log q1) (lnM log q2 q3).
have -> : (1 - (t + h) * p) * (1 - (t - h) * p) / (1 - t * p) ^+ 2 - 1 = - (h ^+ 2 * (p / (1 - t * p)) ^+ 2).
  by field; rewrite gt_eqF.
lra.
Qed.

Theorem lemma_2_remainder_holds : lemma_2_remainder R.
Proof.
rewrite /lemma_2_remainder; named; move=> full ln log d u v du dv lu lv hu' hv' hu hv.
have -> : (dot du v + dot u dv) / (norm u * norm v) -
  (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
  by rewrite /delta /sim; field; rewrite !gt_eqF // norm_gt0.
pose f t := sim (u + t *: du) (v + t *: dv).
have ratio (x dx : 'rV[R]_d) : x != 0 -> norm dx < norm x -> 0 <= norm dx / norm x < 1.
  by move=> /norm_gt0 p l; rewrite divr_ge0 ?norm_ge0 //= ltr_pdivrMr // mul1r.
have move_ratio (x dx : 'rV[R]_d) t : x != 0 -> norm dx < norm x -> 0 <= t <= 1 ->
    x + t *: dx != 0 /\ norm dx / norm (x + t *: dx) <= (norm dx / norm x) / (1 - t * (norm dx / norm x)).
  move=> hx l /andP[t0 t1]; have p := norm_gt0 hx; have n0 := norm_ge0 dx.
  have tl : t * norm dx <= norm dx by rewrite ler_piMl.
  have low : norm x - t * norm dx <= norm (x + t *: dx).
    have := norm_triangle (x + t *: dx) (- (t *: dx)); rewrite addrK normN normZ ger0_norm //; lra.
  have p' : 0 < norm x - t * norm dx by lra.
  have p2 : 0 < norm (x + t *: dx) by exact: lt_le_trans low.
  split; first by apply/eqP => z; rewrite z /norm dot0l sqrtr0 ltxx in p2.
  have -> : (norm dx / norm x) / (1 - t * (norm dx / norm x)) = norm dx / (norm x - t * norm dx).
    by field; rewrite !gt_eqF //=.
  by apply: ler_wpM2l => //; rewrite lef_pV2.
have ru := ratio _ _ hu lu; have rv := ratio _ _ hv lv.
have nz t : 0 <= t <= 1 -> u + t *: du != 0 /\ v + t *: dv != 0.
  by move=> ht; have [? _] := move_ratio _ _ _ hu lu ht; have [? _] := move_ratio _ _ _ hv lv ht.
pose p := norm du / norm u; pose q := norm dv / norm v.
rewrite -/p in ru; rewrite -/q in rv.
have at_t t : 0 <= t <= 1 -> exists c K e0 : R, [/\ 0 < e0, `|c| <= 2 * ((p / (1 - t * p)) ^+ 2 + (q / (1 - t * q)) ^+ 2) &
    forall h, `|h| <= e0 -> `|f (t + h) - f t - h * delta (u + t *: du) (v + t *: dv) du dv - h ^+ 2 * (c / 2)| <= K * `|h| ^+ 3].
  move=> ht; have [hut hvt] := nz t ht; have [c [K [e0 [h0 _ hc H]]]] := second_at du dv hut hvt.
  exists c, K, e0; split=> // [|h hh]; last first.
    have -> : f (t + h) = sim (u + t *: du + h *: du) (v + t *: dv + h *: dv) by rewrite /f !scalerDl !addrA.
    exact: H.
  have [_ mu] := move_ratio _ _ _ hu lu ht; have [_ mv] := move_ratio _ _ _ hv lv ht.
  have sq (a b : R) : 0 <= a -> a <= b -> a ^+ 2 <= b ^+ 2.
    by move=> a0 ab; rewrite ler_pXn2r ?nnegrE ?(le_trans a0 ab).
  apply: le_trans hc _; apply: ler_wpM2l => //; apply: lerD.
    by apply: sq; [rewrite divr_ge0 ?norm_ge0|exact: mu].
  by apply: sq; [rewrite divr_ge0 ?norm_ge0|exact: mv].
pose G t := - ln (1 - t * p) + - ln (1 - t * q).
have side k : k = 1 \/ k = -1 -> k * (f 1 - f 0 - delta u v du dv) <= 2 * (- p - ln (1 - p) + (- q - ln (1 - q))).
  move=> hk; have k1 : `|k| = 1 by case: hk => ->; rewrite ?normrN normr1.
  have kup (x : R) : k * x <= `|x| by have := ler_norm (k * x); rewrite normrM k1 mul1r.
  pose F t := G t + (G t + (- k) * f t).
  have i0 : 0 <= (0 : R) <= 1 by rewrite lexx ler01.
  suff : F 0 + (2 * (p + q) - k * delta u v du dv) <= F 1.
    by rewrite /F /G !mul0r !mul1r !subr0 !(ln1 log); lra.
  apply: (above_second full) => [|t ht|t ht].
  - have [c [K [e0 [h0 _ H]]]] := at_t 0 i0; rewrite !scale0r !addr0 in H.
    exists (`|c| + `|K|), (Num.min e0 1); split; first by rewrite lt_min h0 ltr01.
    move=> h /andP[hp]; rewrite le_min => /andP[he h1]; have := H h; rewrite gtr0_norm // add0r => /(_ he) Hh.
    have lo r : 0 <= r < 1 -> h * r <= - ln (1 - h * r).
      move=> /andP[r0 r1]; have hr : h * r < 1 by apply: le_lt_trans r1; rewrite ler_piMl.
      by have := ln_le log (_ : 0 < 1 - h * r); rewrite subr_gt0 => /(_ hr); lra.
    have lp := lo p ru; have lq := lo q rv; pose X := f h - f 0 - h * delta u v du dv - h ^+ 2 * (c / 2).
    have kX := kup X; have kc := kup (h ^+ 2 * (c / 2)).
    have e : k * f h = k * X + k * (h ^+ 2 * (c / 2)) + k * f 0 + k * (h * delta u v du dv) by rewrite /X; ring.
    have c0 : 0 <= `|c| * h ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
    have c1 : `|h ^+ 2 * (c / 2)| <= `|c| * h ^+ 2.
      by rewrite normrM (ger0_norm (sqr_ge0 h)) normrM (@ger0_norm _ 2^-1) ?invr_ge0 //; lra.
    have h3 : K * h ^+ 3 <= `|K| * h ^+ 2.
      have p3 : 0 <= h ^+ 3 by rewrite exprn_ge0 // ltW.
      apply: le_trans (ler_wpM2r p3 (ler_norm K)) _; apply: ler_wpM2l => //.
      by rewrite exprS ler_piMl ?sqr_ge0.
    have x1 : `|X| <= `|K| * h ^+ 2 by exact: le_trans Hh h3.
    rewrite /F /G !mul0r !subr0 !(ln1 log); lra.
  - apply: near_add; first by apply: near_add; exact: near_ln.
    apply: near_add; first by apply: near_add; exact: near_ln.
    have [c [K [e0 [h0 _ H]]]] := at_t t ht.
    by apply: (expands_near (l := - k * delta (u + t *: du) (v + t *: dv) du dv) (q := - k * c)); apply: expands_scale; exists K, e0.
  have [t0 t1] := andP ht; have ht' : 0 <= t <= 1 by rewrite !ltW.
  have [c [K [e0 [h0 hc H]]]] := at_t t ht'; exists (2 * K), (Num.min e0 (Num.min t (1 - t))).
  split; first by rewrite !lt_min h0 t0 subr_gt0.
  move=> h /andP[hp]; rewrite !le_min => /and3P[he h1 h2].
  have b1 := bends_ln log ru ht hp h1 h2; have b2 := bends_ln log rv ht hp h1 h2.
  have a1 := H h; have a2 := H (- h); rewrite normrN gtr0_norm // in a1 a2; have := a1 he; have := a2 he.
  rewrite sqrrN mulNr opprK; set D2 := f (t + - h) - _ + _ - _; set D1 := f (t + h) - _ - _ - _ => d2 d1.
  have e : f (t + h) + f (t - h) - 2 * f t = D1 + D2 + h ^+ 2 * c by rewrite /D1 /D2; field.
  have kc : k * (h ^+ 2 * c) <= h ^+ 2 * (2 * ((p / (1 - t * p)) ^+ 2 + (q / (1 - t * q)) ^+ 2)).
    apply: le_trans (ler_norm _) _; rewrite normrM k1 mul1r normrM (ger0_norm (sqr_ge0 h)); apply: ler_wpM2l => //; exact: sqr_ge0.
  have kd : k * (D1 + D2) <= 2 * K * h ^+ 3.
    apply: le_trans (ler_norm _) _; rewrite normrM k1 mul1r; apply: le_trans (ler_normD _ _) _; lra.
  have fe : k * (f (t + h) + f (t - h) - 2 * f t) = k * (D1 + D2) + k * (h ^+ 2 * c) by rewrite e; ring.
  rewrite /F /G; lra.
rewrite -/p -/q; have e1 : sim (u + du) (v + dv) = f 1 by rewrite /f !scale1r.
have e0 : sim u v = f 0 by rewrite /f !scale0r !addr0.
rewrite e1 {1}e0 ler_norml; apply/andP; split.
  by rewrite lerNl -mulN1r; exact: (side (-1) (or_intror erefl)).
by have := side 1 (or_introl erefl); rewrite mul1r.
Qed.
End HoldsTaylor.
End HoldsTaylor.

(* lemma-1-angle and prop-1-finite: how far increments turn two vectors apart, without a remainder. *)
Module HoldsAngle.
Import Norms Cosine Circle.
Section HoldsAngle.
Variable R : rcfType.

(* cosines between those of a + b and a - b, cut at pi and 0, are of angles apart from a by at most b *)
Lemma interval_apart (cos sin : R -> R) (pi a a' b : R) : circular cos sin pi -> 0 <= b ->
  0 <= a <= pi -> 0 <= a' <= pi -> cos (Num.min pi (a + b)) <= cos a' <= cos (Num.max (a - b) 0) -> `|a' - a| <= b.
Proof.
move=> circle b0 /andP[a0 a1] ha' /andP[low up].
have i : 0 <= Num.min pi (a + b) <= pi by rewrite ge_min lexx le_min (le_trans a0 a1) /= addr_ge0.
have j : 0 <= Num.max (a - b) 0 <= pi by rewrite le_max lexx orbT ge_max (le_trans a0 a1) andbT; lra.
have k := cos_le circle i ha' low; have l := cos_le circle ha' j up.
by rewrite ler_norml; move: k l; rewrite le_min ge_max => /andP[_ k] /andP[l _]; lra.
Qed.

Theorem lemma_1_angle_holds : lemma_1_angle R.
Proof.
move=> cos sin pi circle; have P := pi_gt0 circle.
split=> [d u v du dv a' a r t lu lv hu' hv' [a'01 ea'] hu hv ha hr ht|].
  have near (x dx : 'rV[R]_d) s : norm dx <= norm x -> x != 0 -> x + dx != 0 -> arcsin sin pi (norm dx / norm x) s ->
      (0 <= s <= pi / 2) /\ cos s <= sim x (x + dx).
    move=> l hx hx' hs; have p := norm_gt0 hx.
    have x0 : 0 <= norm dx / norm x by rewrite divr_ge0 ?norm_ge0.
    have x1 : norm dx / norm x <= 1 by rewrite ler_pdivrMr // mul1r.
    have [s0 _] := arcsin_ge0 circle x0 hs; split=> //.
    by apply: (near_cos circle hx hx' _ x1 hs); rewrite divfK ?gt_eqF.
  have [r0 cr] := near _ _ _ lu hu hu' hr; have [t0 ct] := near _ _ _ lv hv hv' ht.
  have := turn_interval circle hu hv hu' hv' ha r0 t0 cr ct; rewrite -ea'; have [ha01 _] := ha.
  by apply: (interval_apart circle _ ha01 a'01); case/andP: r0 => r0 _; case/andP: t0 => t0 _; exact: addr_ge0.
pose q := pi / 4; have c2 : cos q ^+ 2 = 1 / 2.
  have := cos_half circle; have -> : pi / 2 = q + q by rewrite /q; lra.
  by rewrite (cosD circle); have := one circle q; rewrite !expr2; lra.
have cq : 0 < cos q by rewrite -(cos_half circle); apply: (cos_lt circle); rewrite /q; lra.
have sq : sin q = cos q.
  have s0 : 0 <= sin q by apply: (sin_ge0 circle); rewrite /q; lra.
  have e : (sin q - cos q) * (sin q + cos q) = 0 by have := one circle q; rewrite !expr2 in c2 *; lra.
  by move/eqP: e; rewrite mulf_eq0 => /orP[] /eqP; lra.
pose pair (a b : R) : 'rV[R]_2 := \row_j if j == 0 then a else b.
have dotE a b a' b' : dot (pair a b) (pair a' b') = a * a' + b * b'.
  by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0.
have addE a b a' b' : pair a b + pair a' b' = pair (a + a') (b + b').
  by apply/rowP => j; rewrite !mxE; case: ifP.
have n1 : norm (pair 1 0) = 1 by rewrite /norm dotE !mulr0 addr0 mulr1 sqrtr1.
have root (x : R) : 0 <= x -> x ^+ 2 = 1 / 2 -> Num.sqrt (1 / 2) = x by move=> x0 <-; rewrite sqrtr_sqr ger0_norm.
have rootq := root _ (ltW cq) c2.
exists 2%N, (pair 1 0), (pair 1 0), (pair (- (1 / 2)) (1 / 2)), 0, q, 0, q, 0.
have e1 : pair 1 0 + pair (- (1 / 2)) (1 / 2) = pair (1 / 2) (1 / 2) by rewrite addE; congr pair; lra.
have n2 : norm (pair (1 / 2) (1 / 2)) = cos q by rewrite /norm dotE (_ : _ + _ = 1 / 2) ?rootq //; lra.
have n3 : norm (pair (- (1 / 2)) (1 / 2)) = cos q by rewrite /norm dotE (_ : _ + _ = 1 / 2) ?rootq //; lra.
have n0 : norm (0 : 'rV[R]_2) = 0 by rewrite /norm dot0l sqrtr0.
have nz x : 0 < norm x -> x != 0 :> 'rV[R]_2 by move=> p; apply/eqP => z; rewrite z n0 ltxx in p.
have nz1 : pair 1 0 != 0 by apply: nz; rewrite n1.
have half : sim (pair (1 / 2) (1 / 2)) (pair 1 0) = cos q.
  have c0 : cos q != 0 by rewrite gt_eqF.
  by rewrite /sim n2 n1 dotE mulr1 (_ : _ + _ = cos q ^+ 2); [field|lra].
have self : sim (pair 1 0) (pair 1 0) = 1 by rewrite /sim n1 dotE; field.
have z : arcsin sin pi 0 0 by split; [lra|exact: sin0 circle].
have cl : cos q <= 1 by rewrite -(cos0 circle); apply/ltW/(cos_lt circle); rewrite /q; lra.
have a1 : arcsin sin pi (norm (pair (- (1 / 2)) (1 / 2)) / norm (pair 1 0)) q.
  by rewrite n3 n1 divr1; split; [rewrite /q; lra|exact: sq].
have a2 : arcsin sin pi (norm (0 : 'rV[R]_2) / norm (pair 1 0)) 0 by rewrite n0 mul0r.
have t1 : angle cos pi (pair 1 0 + pair (- (1 / 2)) (1 / 2)) (pair 1 0 + 0) q.
  by rewrite addr0 e1; split; [rewrite /q; lra|rewrite half].
have t2 : angle cos pi (pair 1 0) (pair 1 0) 0 by split; [lra|rewrite self; exact: cos0 circle].
have nz2 : pair 1 0 + pair (- (1 / 2)) (1 / 2) != 0 by rewrite e1; apply: nz; rewrite n2.
have nz3 : pair 1 0 + 0 != 0 by rewrite addr0.
have l1 : norm (pair (- (1 / 2)) (1 / 2)) <= norm (pair 1 0) by rewrite n1 n3.
have l2 : norm (0 : 'rV[R]_2) <= norm (pair 1 0) by rewrite n1 n0.
have q0 : 0 < q by rewrite /q; lra.
have ends : `|q - 0| = q + 0 by rewrite subr0 addr0 gtr0_norm.
have pos : 0 < q + 0 by rewrite addr0.
by do 11 (split; first by []).
Qed.

Theorem prop_1_finite_holds : prop_1_finite R.
Proof.
rewrite /prop_1_finite; named.
move=> cos sin pi circle c d W W' x1 x2 x1' x2' a a' _ _ _ _ _ h1 h2 h1' h2' hs ha ha' r A B e r1 r2 r1' r2' e0 hM
  l1 l2 l1' l2' g1 g2 g1' g2' t1 t2 t1' t2'.
have near (V : 'M[R]_(c, d)) x s : e * norm x <= norm (x *m V) -> x *m V != 0 -> x *m (V + A *m B) != 0 ->
    arcsin sin pi (e * (norm x / norm (x *m V))) s -> (0 <= s <= pi / 2) /\ cos s <= sim (x *m V) (x *m (V + A *m B)).
  move=> l hx hx' hs'; have p := norm_gt0 hx.
  have x0 : 0 <= e * (norm x / norm (x *m V)) by rewrite mulr_ge0 // divr_ge0 ?norm_ge0.
  have x1le : e * (norm x / norm (x *m V)) <= 1 by rewrite mulrA ler_pdivrMr // mul1r.
  have [s0 _] := arcsin_ge0 circle x0 hs'; split=> //; rewrite mulmxDr.
  apply: (near_cos circle hx _ _ x1le hs'); first by rewrite -mulmxDr.
  by rewrite -mulrA divfK ?gt_eqF.
have [b1 k1] := near _ _ _ l1 h1 g1 t1; have [b2 k2] := near _ _ _ l2 h2 g2 t2.
have [b1' k1'] := near _ _ _ l1' h1' g1' t1'; have [b2' k2'] := near _ _ _ l2' h2' g2' t2'.
have := turn_interval circle h1 h2 g1 g2 ha b1 b2 k1 k2.
have := turn_interval circle h1' h2' g1' g2' ha' b1' b2' k1' k2'.
have [_ ->] := ha; have [_ ->] := ha'; rewrite hs.
move: (sim (x1 *m (W + _)) _) (sim (x1' *m (W' + _)) _) (sim (x1' *m W') _) => S S' s.
move: (cos _) (cos (Num.max _ _)) (cos (Num.min _ _)) (cos (Num.max _ _)) => q1 q2 q3 q4 /andP[v1 v2] /andP[v3 v4].
by rewrite le_max ler_norml -!lerBrDr; case: (lerP S S') => o; apply/orP; [right|left]; lra.
Qed.
End HoldsAngle.
End HoldsAngle.
