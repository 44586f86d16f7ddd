(* Prop. 2, input adaptation, as the claims state it: the sharp finite bound. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Input Plane Statements.
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
split=> //=.
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
apply: ratio; first by rewrite gt_eqF.
have e1 : Q = 1 - P by lra.
by rewrite e1; field.
Qed.

(* tanh L <= 2 K e *)
Lemma tanh_le (k e : R) : 1 <= k -> 0 <= e < 1 ->
  let Q := mu k e ^+ 2 / (1 - e ^+ 2) in 1 <= Q /\ (Q ^+ 2 - 1) / (Q ^+ 2 + 1) <= 2 * mean k * e.
Proof.
move=> k1 /andP[e0 e1] /=; have k0 : 0 < k by lra.
have K1 : 1 <= mean k.
  have ek : mean k - 1 = (k - 1) ^+ 2 / (2 * k) by rewrite /mean; field; rewrite gt_eqF.
  by rewrite -subr_ge0 ek divr_ge0 ?sqr_ge0 //; lra.
have D0 : 0 < 1 - e ^+ 2 by nra.
set x := mean k * e; have x0 : 0 <= x by rewrite /x mulr_ge0 //; lra.
set r := Num.sqrt (1 + (mean k ^+ 2 - 1) * e ^+ 2).
have rad : 1 <= 1 + (mean k ^+ 2 - 1) * e ^+ 2 by rewrite lerDl mulr_ge0 ?sqr_ge0 //; nra.
have rr : r ^+ 2 = 1 + x ^+ 2 - e ^+ 2 by rewrite /r sqr_sqrtr /x; [ring|lra].
have r1 : 1 <= r by rewrite -[X in X <= _]sqrtr1 /r ler_wsqrtr.
have -> : mu k e = x + r by [].
have DE : 1 - e ^+ 2 = (r - x) * (r + x) by lra.
have pr : 0 < (r - x) * (r + x) by rewrite -DE.
have sum0 : 0 < r + x by lra.
have rx : 0 < r - x by rewrite -(pmulr_lgt0 _ sum0).
have -> : (x + r) ^+ 2 / (1 - e ^+ 2) = (r + x) / (r - x) by rewrite DE; field; rewrite !gt_eqF //; lra.
split; first by rewrite ler_pdivlMr //; lra.
have den : 0 < ((r + x) / (r - x)) ^+ 2 + 1 by have := sqr_ge0 ((r + x) / (r - x)); lra.
have -> : (((r + x) / (r - x)) ^+ 2 - 1) / (((r + x) / (r - x)) ^+ 2 + 1) = 2 * r * x / (r ^+ 2 + x ^+ 2).
  by field; rewrite !gt_eqF //; have := sqr_ge0 x; nra.
have pos : 0 < r ^+ 2 + x ^+ 2 by have := sqr_ge0 x; nra.
have -> : 2 * mean k * e = 2 * x by rewrite /x mulrA.
have h : 0 <= x * (r ^+ 2 + x ^+ 2 - r) by apply: mulr_ge0 => //; have := sqr_ge0 x; nra.
by rewrite ler_pdivrMr //; lra.
Qed.

Lemma mean_ge1 (k : R) : 1 <= k -> 1 <= mean k.
Proof.
move=> k1; have k0 : 0 < k by lra.
have ek : mean k - 1 = (k - 1) ^+ 2 / (2 * k) by rewrite /mean; field; rewrite gt_eqF.
by rewrite -subr_ge0 ek divr_ge0 ?sqr_ge0 //; lra.
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
Lemma near_by (s S Q b : R) : -1 <= s <= 1 -> -1 <= S <= 1 -> 1 <= Q -> artanh_within S s Q ->
  (Q ^+ 2 - 1) / (Q ^+ 2 + 1) <= b -> b <= 1 / 2 -> `|S - s| <= (1 - s ^+ 2) * b + 2 * b ^+ 2.
Proof.
move=> hs hS hQ w tb bh; have [/andP[t0 _] a c] := shifted_interval hs hS hQ w.
move: (_ / _) tb t0 a c => t tb t0 a c.
have hs' : -1 <= - s <= 1 by lra.
have h1 := tanh_step hs t0 tb bh a.
have a' : (- S) * (1 + - s * t) <= - s + t by lra.
have h2 := tanh_step hs' t0 tb bh a'; rewrite sqrrN in h2.
by rewrite ler_norml; lra.
Qed.

Lemma slope_le (s C K e0 : R) : -1 < s < 1 -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> e < 1 -> gap s (tau e) <= C * e + K * e ^+ 2) -> 4 * (1 - s ^+ 2) <= C.
Proof.
move=> /andP[sl su] he0 H; have k0 : 0 < 1 - s ^+ 2 by nra.
rewrite leNgt; apply/negP => hlt; pose t := (4 * (1 - s ^+ 2) - C) / 6.
have ht : 0 < t by rewrite /t; lra.
have he1 : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have [e [e_gt e_le e_t hKe]] := small K he1 ht; move: e_le; rewrite le_min => /andP[e_e0 e_half].
have hee : 0 < e <= e0 by rewrite e_gt.
have := H e hee ltac:(lra); rewrite /gap => k.
have [t0 t1 t2] := @tau_bounds R e ltac:(lra).
have d0 : 0 < 1 + e ^+ 2 by have := sqr_ge0 e; lra.
have te : tau e * (1 + e ^+ 2) = 2 * e by rewrite /tau divfK // gt_eqF.
have te' : 2 * e * (1 - e ^+ 2) <= tau e.
  rewrite -(ler_pM2r d0) te; have := mulr_ge0 (ltW e_gt) (mulr_ge0 (sqr_ge0 e) (sqr_ge0 e)); lra.
have hs1 : -1 <= s <= 1 by lra. have ht1 : 0 <= tau e < 1 by rewrite t0.
have st : 0 < 1 - s ^+ 2 * tau e ^+ 2.
  have [g1 g2 _] := gapE hs1 ht1; have -> : 1 - s ^+ 2 * tau e ^+ 2 = (1 + s * tau e) * (1 - s * tau e) by ring.
  exact: mulr_gt0.
have low : 2 * tau e * (1 - s ^+ 2) <= C * e + K * e ^+ 2.
  apply: le_trans k; rewrite ler_pdivlMr //.
  have x0 : 0 <= 2 * tau e * (1 - s ^+ 2) by apply: mulr_ge0; [lra|exact: ltW].
  have y0 : 0 <= s ^+ 2 * tau e ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
  by rewrite mulrBr mulr1 lerBlDr lerDl mulr_ge0.
have fin : 4 * (1 - s ^+ 2) * (1 - e ^+ 2) <= C + K * e.
  by rewrite -(ler_pM2l e_gt); have := ler_wpM2l (ltW k0) te'; lra.
have e2 : (1 - s ^+ 2) * e ^+ 2 <= t.
  by apply: le_trans e_t; have := sqr_ge0 s; nra.
by rewrite /t in hKe e2 *; lra.
Qed.

Theorem prop_2_input_sharp_holds : prop_2_input_sharp R.
Proof.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' hs _ _ hk hk'|s hs].
  have [lo [hi [l0 lh st ek]]] := cond_stretch hk; have [lo' [hi' [l0' lh' st' ek']]] := cond_stretch hk'.
  have k1 : 1 <= k by rewrite ek ler_pdivlMr // mul1r.
  have k1' : 1 <= k' by rewrite ek' ler_pdivlMr // mul1r.
  have K1 := mean_ge1 k1; have K1' := mean_ge1 k1'.
  have m1 : 0 < 4 * (mean k + mean k') by lra.
  exists (8 * (mean k ^+ 2 + mean k' ^+ 2)), (1 / (4 * (mean k + mean k'))); split; first by rewrite divr_gt0.
  move=> r A B eps /andP[e0]; rewrite ler_pdivlMr // => e1 hM _ _ _ _.
  have pk : 0 <= mean k * eps by rewrite mulr_ge0 // ?(ltW e0) //; lra.
  have pk' : 0 <= mean k' * eps by rewrite mulr_ge0 // ?(ltW e0) //; lra.
  have he : 0 <= eps < 1 by rewrite (ltW e0) /=; nra.
  have g := input_shift l0 lh st he hM h1 h2; have g' := input_shift l0' lh' st' he hM h1' h2'.
  rewrite -ek in g; rewrite -ek' -hs in g'.
  have [q1 t1] := tanh_le k1 he; have [q1' t1'] := tanh_le k1' he.
  have b := near_by (simP _ _) (simP _ _) q1 g t1 ltac:(lra).
  have b' := near_by (simP _ _) (simP _ _) q1' g' t1' ltac:(lra).
  rewrite !sine_sq // -hs /mean in b b' *; move: (sim (x1 *m W) (x2 *m W)) b b' => s0.
  move: (sim _ _) (sim (x1' *m _ *m W') _) => S S' b b'.
  have -> : S - S' = (S - s0) - (S' - s0) by ring.
  apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD b b')); rewrite !div1r.
  move: (k^-1) (k'^-1) => i i'; lra.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 1, 1.
rewrite !mulmx1 s1 s2; do 10 (split=> //).
do 2 (split; first by rewrite mxrank1).
do 2 (split; first exact: cond1).
split=> //; rewrite !sine_sq // s1 s2 divr1.
have /andP[sl su] := hs; have k0 : 0 < 1 - s ^+ 2 by nra.
split=> [|C K e0 he0 H]; first by lra.
have -> : 1 * ((1 - s ^+ 2) * (1 + 1) + (1 - s ^+ 2) * (1 + 1)) = 4 * (1 - s ^+ 2) by ring.
apply: (slope_le (K := K) hs he0) => e he e1; have e_gt : 0 < e by case/andP: he.
have he' : 0 < e < 1 by rewrite e_gt.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he'.
have hb : spectral_le (diag2 e (- e) *m 1%:M) e by rewrite mulmx1; apply: diag2_spectral; exact: ltW.
by have := H _ _ 1%:M e he hb; rewrite !mulmx1 => /(_ m1 m2 m3 m4); rewrite plane_gap // hs'.
Qed.
End HoldsInput.
