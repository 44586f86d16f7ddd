(* Prop. 2, input adaptation, as the claims state it: the sharp bounds. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Input Plane Halves InputAttained Statements.
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

Theorem prop_2_input_finite_sharp_holds : prop_2_input_finite_sharp R.
Proof.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' _ _ _ _ hk hk' r A B eps e0 hM e1 _ _ _ _|s k eps hs hk he].
  have he : 0 <= eps < 1 by rewrite e0.
  have [lo [hi [l0 lh st ->]]] := cond_stretch hk; have [lo' [hi' [l0' lh' st' ->]]] := cond_stretch hk'.
  by rewrite !muE; split; apply: input_shift.
have [p [q [p0 q0 pq hs']]] := half_angle hs; have /andP[e0 e1] := he.
have [o1 o2] := axis_outputs hk p q eps; have [n0 s1] := axis_rows hk pq he; rewrite hs' in s1.
have [z1 z2] := axis_nonzero hk pq he; have [y1n y2n] := axis_outputs_nonzero hk pq he.
have half : 0 <= eps < 1 by lra.
have m1 := @adapted_nonzero R 1 k hk _ _ half z1; have m2 := @adapted_nonzero R 1 k hk _ _ half z2.
exists 2%N, 2%N, 2%N, (stretched 1 k), (stretched 1 k), (axis1 k p q eps), (axis2 k p q eps),
  (axis1 k p q eps), (axis2 k p q eps), k, 2%N, (eps *: swap R 1), 1%:M, eps.
rewrite !mulmx1 o1 o2 s1 muE; do 10 (split=> //).
have /andP[sl su] := hs.
have sn : 0 < Num.sqrt (1 - s ^+ 2) by rewrite sqrtr_gt0; nra.
do 2 (split; first exact: (@stretched_rank R 1)).
split; first by rewrite /sine s1 minxx.
split; first exact: (@stretched_cond R 1 k hk 1 (oner_neq0 _)).
split; first by lra.
split; first by apply: (@swap_spectral R 1); lra.
split; first by lra. do 5 (split=> //).
by have := axis_apart hk p0 q0 pq he; rewrite hs'.
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

Theorem prop_2_input_sharp_two_holds : prop_2_input_sharp_two R.
Proof.
split=> [c d e W W' x1 x2 x1' x2' k k' _ _ _ _ _ h1 h2 h1' h2' hs _ _ hk hk'|s k k' hs hk hk'].
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
set u := row2 p q; set v := row2 p (- q).
have uu : dot u u = 1 by rewrite dot2 -pq; ring.
have vv : dot v v = 1 by rewrite dot2 -pq; ring.
have uv : dot u v = s by rewrite dot2 -hs'; ring.
have un : u != 0 by rewrite row2_neq0 // gt_eqF.
have [o1 o2] := halves_outputs hk u v 1; have [o3 o4] := halves_outputs hk' u v (-1).
have [n1 n2] := halves_nonzero uu vv (1 / k); have [n3 n4] := halves_nonzero uu vv (-1 / k').
have [z1 z2] := halves_nonzero uu vv 1; have [z3 z4] := halves_nonzero uu vv (-1).
exists (2 + 2)%N, (2 + 2)%N, (2 + 2)%N, (stretched 2 k), (stretched 2 k'), (one u v (1 / k)), (two u v (1 / k)),
  (one u v (-1 / k')), (two u v (-1 / k')), k, k'.
rewrite o1 o2 o3 o4 !halves_sim // uv; do 10 (split=> //).
do 2 (split; first exact: stretched_rank); do 2 (split; first exact: stretched_cond un).
do 3 (split=> //); rewrite !sine_sq // !halves_sim // uv mul1r.
have /andP[sl su] := hs; have sq : 0 < 1 - s ^+ 2 by nra.
have pos x : 1 <= x -> 0 < x + 1 / x by move=> x1; rewrite addr_gt0 ?divr_gt0 // (lt_le_trans ltr01 x1).
split=> [|C K e0 he0 H]; first by rewrite addr_gt0 // mulr_gt0 // pos.
rewrite -uv; apply: (input_slope hk hk' uu vv (K := K) he0) => e he e1; have /andP[e_gt _] := he.
have he' : 0 <= e < 1 by rewrite ltW.
have hb : spectral_le (e *: swap R 2 *m 1%:M) e by rewrite mulmx1; apply: swap_spectral; exact: ltW.
by have := H _ _ 1%:M e he hb; rewrite !mulmx1; apply; apply: adapted_nonzero.
Qed.
(* one k for both models is the case k' = k *)
Theorem prop_2_input_sharp_holds : prop_2_input_sharp R.
Proof. by have [bound sharp] := prop_2_input_sharp_two_holds; split=> // s k hs hk; exact: sharp. Qed.
End HoldsInput.
