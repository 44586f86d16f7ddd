(* Smallest singular values, and what they say about rows with orthonormal images. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Plane.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Singular.
Variable R : rcfType.

(* what the singular values of W say about such a plane *)
Lemma singular_gt0 k c d (W : 'M[R]_(c,d)) a : \rank W = c -> (0 < k)%N -> singular k W a -> 0 < a.
Proof.
move=> hr hk [a0 [V hV hx] _]; rewrite lt_def a0 andbT; apply/eqP => z.
have free : row_free W by rewrite /row_free hr.
have V0 : V *m W = 0.
  apply/row_matrixP => i; rewrite row_mul row0.
  have := hx (delta_mx 0 i); rewrite z mul0r -rowE => h.
  by apply: dot_eq0; rewrite -norm_sq; have -> : norm (row i V *m W) = 0; [apply: le_anti; rewrite h norm_ge0|rewrite expr0n].
have : V *m W = 0 *m W by rewrite V0 mul0mx.
move/(row_free_inj free) => V1; move: hV; rewrite V1 /row_free mxrank0 eq_sym => /eqP k0.
by rewrite k0 in hk.
Qed.
Lemma least_stretch c d (W : 'M[R]_(c,d)) a (x : 'rV_c) : singular 1 W a -> a * norm x <= norm (x *m W).
Proof.
move=> [a0 _ least]; have [->|hx] := eqVneq x 0; first by rewrite mul0mx /norm !dot0l sqrtr0 mulr0.
have px := norm_gt0 hx; rewrite -ler_pdivlMr //; apply: least; first by rewrite divr_ge0 ?norm_ge0.
exists x => [|y]; first by rewrite /row_free rank_rV hx.
rewrite (mx11_scalar y) !mul_scalar_mx -scalemxAl !normZ mulrCA divfK // gt_eqF //.
Qed.
Lemma plane_le c d (W : 'M[R]_(c,d)) (p q : 'rV_c) a b (D : R) :
  dot (p *m W) (p *m W) = 1 -> dot (q *m W) (q *m W) = 1 -> dot (p *m W) (q *m W) = 0 ->
  singular 1 W a -> singular 2 W b -> 0 < a -> 0 < b -> 0 < D -> D ^+ 2 = dot p p * dot q q - dot p q ^+ 2 ->
  Num.sqrt (dot p p + dot q q + 2 * D) <= 1 / a + 1 / b.
Proof.
move=> ee ff ef ha hb a0 b0 D0 hD.
set P := dot p p in hD *; set Q := dot q q in hD *; set C := dot p q in hD.
have P0 : 0 <= P by exact: dot_ge0. have Q0 : 0 <= Q by exact: dot_ge0.
pose r := Num.sqrt ((P - Q) ^+ 2 + 4 * C ^+ 2).
have r0 : 0 <= r by exact: sqrtr_ge0.
have rr : r ^+ 2 = (P - Q) ^+ 2 + 4 * C ^+ 2 by rewrite sqr_sqrtr //; have := sqr_ge0 (P - Q); have := sqr_ge0 C; lra.
have len (x y : R) : dot (x *: p + y *: q) (x *: p + y *: q) = x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q.
  by rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC q p) -/P -/Q -/C; ring.
have out (x y : R) : dot ((x *: p + y *: q) *m W) ((x *: p + y *: q) *m W) = x ^+ 2 + y ^+ 2.
  by rewrite mulmxDl -!scalemxAl !(dotDl, dotDr, dotZl, dotZr) (dotC (q *m W)) ee ff ef; ring.
pose l := (P + Q + r) / 2; pose m := (P + Q - r) / 2.
have lm : l * m = D ^+ 2 by rewrite hD /l /m; transitivity (((P + Q) ^+ 2 - r ^+ 2) / 4); [field|rewrite rr; field].
have l0 : 0 < l.
  rewrite /l divr_gt0 // ltr_wpDr // lt_def addr_ge0 // andbT; apply/eqP => z.
  have hP : P = 0 by lra. have hD' := exprn_gt0 2 D0; rewrite hD hP mul0r sub0r in hD'.
  by have := sqr_ge0 C; lra.
have m0 : 0 < m by rewrite -(pmulr_rgt0 _ l0) lm exprn_gt0.
have la : Num.sqrt l <= 1 / a.
  have [x [y [xy]]] : exists x y : R, 0 < x ^+ 2 + y ^+ 2 /\ x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q = l * (x ^+ 2 + y ^+ 2).
    have root : l ^+ 2 = l * (P + Q) - (P * Q - C ^+ 2).
      have -> : l ^+ 2 = l * (P + Q) - l * m by rewrite /l /m; field.
      by rewrite lm hD.
    have [lP|lP] := eqVneq l P.
      have C0 : C ^+ 2 = 0 by rewrite lP in root; lra.
      by exists 1, 0; split; [lra|rewrite lP; ring].
    exists C, (l - P); split.
      by rewrite ltr_wpDl ?sqr_ge0 // lt_def sqr_ge0 andbT sqrf_eq0 subr_eq0.
    transitivity (l * (C ^+ 2 + (l - P) ^+ 2) + (P - l) * (l ^+ 2 - (l * (P + Q) - (P * Q - C ^+ 2)))); first by ring.
    by rewrite root subrr mulr0 addr0.
  rewrite -len => e; have := least_stretch (x *: p + y *: q) ha; set w := x *: p + y *: q in e * => h.
  rewrite ler_pdivlMr // -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?sqrtr_ge0 ?ler01 ?(ltW a0) //.
  rewrite exprMn sqr_sqrtr ?(ltW l0) // expr1n -(ler_pM2r xy) mul1r -(out x y) -/w -norm_sq.
  apply: le_trans (_ : _ <= (a * norm w) ^+ 2) _; last by rewrite ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW a0).
  by rewrite exprMn (norm_sq w) e (mulrC (a ^+ 2)) norm_sq out mulrAC.
have mb : Num.sqrt m <= 1 / b.
  have n0 : 0 < Num.sqrt m by rewrite sqrtr_gt0.
  rewrite ler_pdivlMr // mulrC -ler_pdivlMr //; case: hb => _ _; apply; first by rewrite divr_ge0 ?ltW.
  have low (x y : R) : m * (x ^+ 2 + y ^+ 2) <= x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q.
    have pm : 0 <= P - m.
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; lra.
      by rewrite -[(P - Q) ^+ 2]real_normK ?num_real // ler_pXn2r ?nnegrE // ler_norml /m => /andP[h _]; lra.
    have qm : 0 <= Q - m.
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; lra.
      by rewrite -[(P - Q) ^+ 2]real_normK ?num_real // ler_pXn2r ?nnegrE // ler_norml /m => /andP[_ h]; lra.
    have det : (P - m) * (Q - m) = C ^+ 2.
      transitivity ((r ^+ 2 - (P - Q) ^+ 2) / 4); first by rewrite /m; field.
      by rewrite rr; field.
    rewrite -subr_ge0; have -> : x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q - m * (x ^+ 2 + y ^+ 2)
      = (P - m) * x ^+ 2 + 2 * (x * y) * C + (Q - m) * y ^+ 2 by ring.
    have : 0 <= ((P - m) * x ^+ 2 + (Q - m) * y ^+ 2) ^+ 2 - (2 * (x * y) * C) ^+ 2.
      have -> : ((P - m) * x ^+ 2 + (Q - m) * y ^+ 2) ^+ 2 - (2 * (x * y) * C) ^+ 2
        = ((P - m) * x ^+ 2 - (Q - m) * y ^+ 2) ^+ 2 + 4 * (x * y) ^+ 2 * ((P - m) * (Q - m) - C ^+ 2) by ring.
      by rewrite det subrr mulr0 addr0 sqr_ge0.
    rewrite subr_ge0 => sq; have T0 : 0 <= (P - m) * x ^+ 2 + (Q - m) * y ^+ 2 by apply: addr_ge0; apply: mulr_ge0; rewrite ?sqr_ge0.
    have : `|2 * (x * y) * C| <= (P - m) * x ^+ 2 + (Q - m) * y ^+ 2.
      by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real.
    by rewrite ler_norml => /andP[h _]; lra.
  pose V : 'M[R]_(2, c) := \matrix_(i, j) (if i == 0 then p 0 j else q 0 j).
  have VE (y : 'rV_2) : y *m V = y 0 0 *: p + y 0 1 *: q.
    by apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /= addr0; congr (_ + y _ _ * _); apply: val_inj.
  exists V => [|y]; last first.
    rewrite VE; set w := _ + _; have w0 : 0 <= 1 / Num.sqrt m * norm w by rewrite mulr_ge0 ?norm_ge0 // divr_ge0 // ltW.
    rewrite -(@ler_pXn2r _ 2) ?nnegrE ?norm_ge0 //.
    have -> : (1 / Num.sqrt m * norm w) ^+ 2 = m^-1 * norm w ^+ 2.
      by rewrite exprMn; congr (_ * _); rewrite div1r exprVn sqr_sqrtr // ltW.
    rewrite !norm_sq out mulrC ler_pdivlMr // mulrC len.
    exact: low.
  apply: inj_row_free => y; rewrite VE => z.
  have : y 0 0 ^+ 2 + y 0 1 ^+ 2 = 0 by rewrite -out z mul0mx dot0l.
  move/eqP; rewrite paddr_eq0 ?sqr_ge0 // !sqrf_eq0 => /andP[/eqP y1 /eqP y2].
  by rewrite (row2P y) y1 y2; apply/rowP => j; rewrite !mxE; case: ifP.
have e : (Num.sqrt l + Num.sqrt m) ^+ 2 = P + Q + 2 * D.
  rewrite sqrrD (sqr_sqrtr (ltW l0)) (sqr_sqrtr (ltW m0)) -sqrtrM ?(ltW l0) // lm sqrtr_sqr (gtr0_norm D0) /l /m.
  by rewrite -mulr_natl; field.
by apply: le_trans (lerD la mb); rewrite -e sqrtr_sqr ger0_norm // addr_ge0 ?sqrtr_ge0.
Qed.
End Singular.
