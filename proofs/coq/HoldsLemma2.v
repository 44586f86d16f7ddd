(* Lemma 2 as the claims state it: the printed bound, and the best one. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Remainder SecondOrder Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
move=> d u v h [_ least_h] hu hv; apply: le_trans (least_h _ (bounded hu hv)) _.
have p : 0 <= (1 + `|sim u v|) / Num.min (norm u) (norm v) ^+ 2.
  by rewrite divr_ge0 ?exprn_ge0 ?le_min ?norm_ge0 // ltW // ltr_pwDl.
rewrite -mulrA; lra.
Qed.

Theorem lemma_2_sharp_holds : lemma_2_sharp R.
Proof.
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
