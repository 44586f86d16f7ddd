(* The finite forms of Lemma 1 and Prop. 1 as the claims state them. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Angles Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
