(* Prop. 2, output adaptation, as the claims state it, with what attains the bounds. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Plane Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsOutput.
Variable R : rcfType.

Theorem prop_2_output_abs_holds : prop_2_output_abs R.
Proof.
move=> b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs; exists 0, (1/2); split; first by lra.
move=> r A B e /andP[e0 e1] hM _ _ _ _; have he : 0 <= e < 1 by lra.
apply: le_trans (output_finite he hM h1 h2 h1' h2' hs) _.
have [t0 t1 t2] := tau_bounds he; have ht : 0 <= tau e < 1 by rewrite t0.
have [h _] := gap_le (simP (x1 *m W) (x2 *m W)) ht; have := normr_ge0 (sim (x1 *m W) (x2 *m W)); nra.
Qed.

Theorem prop_2_output_sharp_holds : prop_2_output_sharp R.
Proof.
split=> [b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs|s hs].
  exists 16, (1/2); split; first by lra.
  move=> r A B e /andP[e0 e1] hM _ _ _ _; have he : 0 <= e < 1 by lra.
  apply: le_trans (output_finite he hM h1 h2 h1' h2' hs) _.
  have he' : 0 <= e <= 1 / 2 by lra.
  apply: (le_trans (tau_cube (simP _ _) he')).
  by rewrite !sine_sq // -hs; lra.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q); rewrite !mulmx1 s1 s2.
do 11 (split=> //); rewrite !sine_sq // s1 s2.
have /andP[sl su] := hs; have k0 : 0 < 1 - s ^+ 2 by nra.
split=> [|C K e0 he0 H]; first by lra.
rewrite leNgt; apply/negP => hlt; pose t := (4 * (1 - s ^+ 2) - C) / 6.
have ht : 0 < t by rewrite /t; lra.
have he1 : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; lra.
have [e [e_gt e_le e_t hKe]] := small K he1 ht; move: e_le; rewrite le_min => /andP[e_e0 e_half].
have he : 0 < e < 1 by lra.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 e (- e) *m 1%:M) e by rewrite mulmx1; apply: diag2_spectral; exact: ltW.
have hee : 0 < e <= e0 by rewrite e_gt.
have := H _ _ 1%:M e hee hb; rewrite mulmx1 => /(_ m1 m2 m3 m4); rewrite plane_gap // hs' /gap => k.
have [t0 t1 t2] := @tau_bounds R e ltac:(lra).
have d0 : 0 < 1 + e ^+ 2 by have := sqr_ge0 e; lra.
have te : tau e * (1 + e ^+ 2) = 2 * e by rewrite /tau divfK // gt_eqF.
have te' : 2 * e * (1 - e ^+ 2) <= tau e.
  rewrite -(ler_pM2r d0) te; have := mulr_ge0 (ltW e_gt) (mulr_ge0 (sqr_ge0 e) (sqr_ge0 e)); lra.
have st : 0 < 1 - s ^+ 2 * tau e ^+ 2 by have := sqr_ge0 s; have := sqr_ge0 (tau e); nra.
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

Theorem prop_2_output_finite_holds : prop_2_output_finite R.
Proof.
split=> [b c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs r A B e e0 hM e1 _ _ _ _|s eps hs he].
  have he : 0 <= e < 1 by rewrite e0.
  have [t0 t1 _] := tau_bounds he; have ht : 0 <= tau e < 1 by rewrite t0.
  apply: (le_trans (output_finite he hM h1 h2 h1' h2' hs)).
  by rewrite !sine_sq // -hs maxxx (gap_halves (simP _ _) ht).
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
have /andP[e0 e1] := he.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 eps (- eps) *m 1%:M) eps by rewrite mulmx1; apply: diag2_spectral; lra.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 2%N, (diag2 eps (- eps)), 1%:M, eps.
rewrite !mulmx1 s1 s2; do 10 (split=> //); split; first by lra.
split; first by rewrite mulmx1 in hb.
split; first by lra.
do 6 (split=> //); rewrite plane_gap // hs' !sine_sq // s1 s2 maxxx.
have he' : 0 <= eps < 1 by lra.
have [t0 t1 _] := tau_bounds he'; have ht : 0 <= tau eps < 1 by rewrite t0.
have hs1 : -1 <= s <= 1 by lra.
rewrite -[2 * eps / _]/(tau eps) -gap_halves //; split=> //; rewrite /gap.
have tp : 0 < tau eps by rewrite /tau divr_gt0 //; have := sqr_ge0 eps; lra.
have st : 0 < 1 - s ^+ 2 * tau eps ^+ 2.
  have [g1 g2 _] := gapE hs1 ht; have -> : 1 - s ^+ 2 * tau eps ^+ 2 = (1 + s * tau eps) * (1 - s * tau eps) by ring.
  exact: mulr_gt0.
apply: divr_gt0 => //; apply: mulr_gt0; first by apply: mulr_gt0.
by have /andP[sl su] := hs; nra.
Qed.

Theorem prop_2_output_artanh_holds : prop_2_output_artanh R.
Proof.
split=> [b c d W W' x1 x2 x1' x2' h1 h2 h1' h2' hs hp r A B k _ _ _ [[lo hi] /= [l0 hst [x xn hx] _] ->] _ _|s kappa hs k1].
  have px := norm_gt0 xn; have h0 : 0 <= hi.
    have /andP[_] := hst x; rewrite hx ler_pM2r // => h; by lra.
  have low (z : 'rV_d) : lo * norm z <= norm (z *m (1%:M + A *m B)) by have /andP[] := hst z.
  have up : spectral_le (1%:M + A *m B) hi by move=> z; have /andP[] := hst z.
  by split; apply: artanh_shift1.
have [p [q [p0 q0 pq hs']]] := half_angle hs.
have [n1 n2 n3 n4] := @plane_nonzero R p q p0; have [s1 s2] := @plane_sim R p q pq; rewrite hs' in s1 s2.
pose e := (kappa - 1) / (kappa + 1); have kk : 0 < kappa + 1 by lra.
have e0 : 0 < e by rewrite divr_gt0 //; lra.
have e1 : e < 1 by rewrite ltr_pdivrMr //; lra.
have ek : (1 + e) / (1 - e) = kappa.
  by rewrite /e; field; rewrite !gt_eqF //; lra.
have he : 0 < e < 1 by rewrite e0.
have [m1 m2 m3 m4] := plane_moved_nonzero p0 q0 he.
have hb : spectral_le (diag2 e (- e)) e by apply: diag2_spectral; lra.
have low (z : 'rV[R]_2) : (1 - e) * norm z <= norm (z *m (1%:M + diag2 e (- e))).
  by have := one_plus_low hb z; lra.
have up (z : 'rV[R]_2) : norm (z *m (1%:M + diag2 e (- e))) <= (1 + e) * norm z.
  by have := one_plus_up hb z; lra.
exists 2%N, 2%N, 2%N, 1%:M, 1%:M, (y1 p q), (y2 p q), (y1' p q), (y2' p q), 2%N, (diag2 e (- e)), 1%:M, kappa.
rewrite !mulmx1 s1 s2; do 5 (split=> //).
have /andP[sl su] := hs.
have sn : 0 < Num.sqrt (1 - s ^+ 2) by rewrite sqrtr_gt0; nra.
split; first by rewrite /sine s1 s2 minxx.
have half0 : 0 < 1 - e by lra.
split; first exact: (full_rank half0 low).
split.
  exists (1 - e, 1 + e); last by rewrite /= ek.
  split=> /=; first by lra.
  - by move=> z; rewrite low up.
  - exists (row2 0 1); first by rewrite row2_neq0' // oner_eq0.
    rewrite mulmxDr mulmx1 row2_diag row2D /norm !dot2 -[1 - e in RHS]ger0_norm; last by lra.
    by rewrite -sqrtr_sqr -sqrtrM ?sqr_ge0 //; congr Num.sqrt; field.
  exists (row2 1 0); first by rewrite row2_neq0 // oner_eq0.
  rewrite mulmxDr mulmx1 row2_diag row2D /norm !dot2 -[1 + e in RHS]ger0_norm; last by lra.
  by rewrite -sqrtr_sqr -sqrtrM ?sqr_ge0 //; congr Num.sqrt; field.
do 4 (split=> //); have [-> _] := @moved_plane R p q e.
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
move: (p ^+ 2) (q ^+ 2) P0 Q0 pq hs' => P Q P0 Q0 pq <-.
have a0 : 0 < P * (1 + e) ^+ 2 by rewrite mulr_gt0 // exprn_gt0 //; lra.
have b0 : 0 < Q * (1 - e) ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
have d0 : 0 < P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2 by rewrite addr_gt0.
split; [|lra|lra|].
  by rewrite ltr_pdivlMr // ltr_pdivrMr //; lra.
apply: ratio; first by rewrite gt_eqF.
have eQ : Q = 1 - P by lra.
by rewrite -ek eQ; field; rewrite gt_eqF.
Qed.
End HoldsOutput.
