(* lemma-2-integral: the remainder of Lemma 1 by the Hessian along the segment, over the real numbers. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Remainder SecondOrder HoldsLemma2 Calculus Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsTaylor.
Variable R : rcfType.
Local Notation delta := Cosine.delta.

(* the cosine along the segment has second-order terms, and Eq. 7 is its slope *)
Lemma second_at n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> exists q K e0 : R, [/\ 0 < e0, second_order u v du dv q &
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
by split=> //; exists (delta u v du dv), K, e0; split.
Qed.

Theorem lemma_2_integral_holds : lemma_2_integral R.
Proof.
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
    move=> ht; have [hut hvt] := nz t ht; have [q [K [e0 [p hq H]]]] := second_at du dv hut hvt.
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
End HoldsTaylor.
