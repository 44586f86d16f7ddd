(* Prop. 2, input adaptation, as the claims state it: the sharp finite bound. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Input Statements HoldsOutput.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsInput.
Variable R : rcfType.

Lemma muE (k e : R) : (k + 1 / k) / 2 * e + Num.sqrt (1 + (((k + 1 / k) / 2) ^+ 2 - 1) * e ^+ 2) = mu k e.
Proof. by rewrite /mu /mean div1r. Qed.
Lemma cond_stretch c d (W : 'M[R]_(c, d)) k : cond W k -> exists lo hi,
  [/\ 0 < lo, lo <= hi, forall x : 'rV_c, lo * norm x <= norm (x *m W) <= hi * norm x & k = hi / lo].
Proof.
case=> [[lo hi] /= [l0 hst [x xn hx] _] ->]; exists lo, hi; split=> //.
by have /andP[_] := hst x; rewrite hx ler_pM2r // norm_gt0.
Qed.

(* the plane with W = 1, where input adaptation is output adaptation, and cond(W) = 1 *)
Lemma cond1 : cond (1%:M : 'M[R]_2) 1.
Proof.
have nz : row2 (1 : R) 0 != 0 by rewrite row2_neq0 // oner_eq0.
exists (1, 1); last by rewrite /= divr1.
split=> //=; first exact: ltr01.
- by move=> x; rewrite mulmx1 mul1r lexx.
- by exists (row2 1 0) => //; rewrite mulmx1 mul1r.
by exists (row2 1 0) => //; rewrite mulmx1 mul1r.
Qed.

Theorem prop_2_input_finite_sharp_holds : prop_2_input_finite_sharp R.
Proof.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' _ _ _ _ hk hk' r A B eps e0 hM e1 _ _ _ _|s hs].
  have he : 0 <= eps < 1 by rewrite e0.
  have [lo [hi [l0 lh st ->]]] := cond_stretch hk; have [lo' [hi' [l0' lh' st' ->]]] := cond_stretch hk'.
  by rewrite !muE; split; apply: input_shift.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
have he : 0 < (1/2 : R) < 1 by lra.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 (1/2) (- (1/2))) (1/2 : R) by apply: diag2_spectral; lra.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 1, 2%N, (diag2 (1/2) (- (1/2))), 1%:M, (1/2).
rewrite !mulmx1 s1 s2 muE; do 10 (split=> //).
have /andP[sl su] := hs.
have sn : 0 < Num.sqrt (1 - s ^+ 2) by rewrite sqrtr_gt0; nra.
do 2 (split; first by rewrite mxrank1).
split; first by rewrite /sine s1 s2 minxx.
split; first exact: cond1.
split; first by lra. split=> //. split; first by lra. do 3 (split=> //).
have mu1 : mu 1 (1/2 : R) = 3/2.
  by rewrite /mu /mean invr1 (_ : (1 + 1) / 2 = 1 :> R) ?expr1n ?subrr ?mul0r ?addr0 ?sqrtr1; lra.
rewrite mu1 (_ : (3/2) ^+ 2 / (1 - (1/2) ^+ 2) = 3 :> R); last by field.
have [-> _] := @moved_plane R p q (1/2).
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
move: (p ^+ 2) (q ^+ 2) P0 Q0 pq hs' => P Q P0 Q0 pq <-.
have d0 : 0 < P * (1 + 1/2) ^+ 2 + Q * (1 - 1/2) ^+ 2 by lra.
split; [|lra|lra|].
  by rewrite ltr_pdivlMr // ltr_pdivrMr //; lra.
have e1 : Q = 1 - P by lra.
by move: d0; rewrite e1 => d0; field; rewrite gt_eqF.
Qed.

(* tanh L <= 2 K e *)
Lemma tanh_le (k e : R) : 1 <= k -> 0 <= e < 1 ->
  let Q := mu k e ^+ 2 / (1 - e ^+ 2) in 1 <= Q /\ (Q ^+ 2 - 1) / (Q ^+ 2 + 1) <= 2 * mean k * e.
Proof.
move=> k1 /andP[e0 e1] /=; have k0 : 0 < k by lra.
have K1 : 1 <= mean k by rewrite /mean; have := sqr_ge0 (k - 1); rewrite ler_pdivlMr // mul1r -(ler_pM2l k0) mulrDr divff ?gt_eqF //; lra.
have D0 : 0 < 1 - e ^+ 2 by nra.
set x := mean k * e; have x0 : 0 <= x by rewrite /x mulr_ge0 //; lra.
set r := Num.sqrt (1 + (mean k ^+ 2 - 1) * e ^+ 2).
have rad : 1 <= 1 + (mean k ^+ 2 - 1) * e ^+ 2 by rewrite lerDl mulr_ge0 ?sqr_ge0 //; nra.
have rr : r ^+ 2 = 1 + x ^+ 2 - e ^+ 2 by rewrite /r sqr_sqrtr /x; [ring|lra].
have r1 : 1 <= r by rewrite -[X in X <= _]sqrtr1 /r ler_wsqrtr.
have -> : mu k e = x + r by [].
have DE : 1 - e ^+ 2 = (r - x) * (r + x) by lra.
have rx : 0 < r - x by have : 0 < (r - x) * (r + x) by rewrite -DE; nra.
have -> : (x + r) ^+ 2 / (1 - e ^+ 2) = (r + x) / (r - x) by rewrite DE; field; rewrite !gt_eqF //; lra.
split; first by rewrite ler_pdivlMr //; lra.
have den : 0 < ((r + x) / (r - x)) ^+ 2 + 1 by have := sqr_ge0 ((r + x) / (r - x)); lra.
have -> : (((r + x) / (r - x)) ^+ 2 - 1) / (((r + x) / (r - x)) ^+ 2 + 1) = 2 * r * x / (r ^+ 2 + x ^+ 2).
  by field; rewrite !gt_eqF //; have := sqr_ge0 x; nra.
have pos : 0 < r ^+ 2 + x ^+ 2 by have := sqr_ge0 x; nra.
rewrite ler_pdivrMr // -!mulrA; apply: ler_wpM2l => //; rewrite mulrC -/x; apply: ler_wpM2l => //.
have := sqr_ge0 x; nra.
Qed.

Lemma tanh_step (s S t b : R) : -1 <= s <= 1 -> 0 <= t -> t <= b -> b <= 1 / 2 -> S * (1 + s * t) <= s + t ->
  S - s <= (1 - s ^+ 2) * b + 2 * b ^+ 2.
Proof.
move=> /andP[s1 s2] t0 tb bh H.
have ss : 0 <= 1 - s ^+ 2 by nra.
have st : - t <= s * t by nra.
have pos : 0 < 1 + s * t by lra.
rewrite -(ler_pM2r pos).
have e : (S - s) * (1 + s * t) <= (1 - s ^+ 2) * t by lra.
apply: (le_trans e).
have b0 : 0 <= b by lra.
have u1 : (1 - s ^+ 2) * t <= (1 - s ^+ 2) * b by rewrite ler_wpM2l.
have u2 : (1 - s ^+ 2) * b * (1 - b) <= (1 - s ^+ 2) * b * (1 + s * t) by rewrite ler_wpM2l ?mulr_ge0 //; lra.
have u3 : 2 * b ^+ 2 * (1/2) <= 2 * b ^+ 2 * (1 + s * t) by rewrite ler_wpM2l ?mulr_ge0 ?sqr_ge0 //; lra.
have u4 : (1 - s ^+ 2) * (b * b) <= b * b by have := mulr_ge0 (sqr_ge0 s) (mulr_ge0 b0 b0); lra.
lra.
Qed.
End HoldsInput.
