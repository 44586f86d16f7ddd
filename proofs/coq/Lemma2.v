(* Lemma 2 as the claims state it. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Remainders Hessian Calculus Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
