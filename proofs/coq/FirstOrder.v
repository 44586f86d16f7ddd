(* What small changes do to a cosine, and what a bound up to O(e^2) says about its first-order term. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section FirstOrder.
Variable R : rcfType.

Lemma moved n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + (3 + `|sim u v|) * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv hu' hv' he ha hb hdu hdv.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have ru : 0 <= norm du / norm u <= e * a by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have rv : 0 <= norm dv / norm v <= e * b by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have h1 := delta_sharp du dv hu hv; have h2 := remainder hu hv hu' hv'.
have -> : sim (u + du) (v + dv) - sim u v = delta u v du dv + (sim (u + du) (v + dv) - sim u v - delta u v du dv) by ring.
apply: (le_trans (ler_normD _ _)); apply: lerD.
  apply: (le_trans h1); rewrite -mulrA ler_wpM2l ?sine_ge0 //; lra.
apply: (le_trans h2); rewrite /rho_sq -mulrA; apply: ler_wpM2l; first by rewrite addr_ge0 ?normr_ge0 //; lra.
move: ru rv => /andP[r1 r2] /andP[r3 r4].
have k1 : (norm du / norm u) ^+ 2 <= (e * a) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
have k2 : (norm dv / norm v) ^+ 2 <= (e * b) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
rewrite !exprMn in k1 k2 *; lra.
Qed.

Lemma stays n (u du : 'rV[R]_n) (t : R) : u != 0 -> norm du <= t * norm u -> t < 1 -> u + du != 0.
Proof.
move=> hu h ht; have pu := norm_gt0 hu; apply/eqP => k.
have {}k : du = - u by apply/eqP; rewrite -addr_eq0 addrC k.
by rewrite k normN in h; nra.
Qed.

Lemma moved_small n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v -> e * (a + b) <= 1 / 2 ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + 4 * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv he ha hb hdu hdv hab.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have hu' : u + du != 0 by apply: (stays hu hdu); lra.
have hv' : v + dv != 0 by apply: (stays hv hdv); lra.
apply: le_trans (moved hu hv hu' hv' he ha hb hdu hdv) _; rewrite lerD2l.
apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?sqr_ge0.
by have := sim_le1 hu hv; lra.
Qed.

Lemma deltaZ n (u v du dv : 'rV[R]_n) e : delta u v (e *: du) (e *: dv) = e * delta u v du dv.
Proof. by rewrite /delta !dotZl !dotZr; ring. Qed.

Lemma expand n (u v du dv : 'rV[R]_n) e : u != 0 -> v != 0 -> 0 < e ->
  e * (norm du / norm u) <= 1 / 2 -> e * (norm dv / norm v) <= 1 / 2 ->
  `|sim (u + e *: du) (v + e *: dv) - sim u v - e * delta u v du dv| <= 4 * (rho_sq u du + rho_sq v dv) * e ^+ 2.
Proof.
move=> hu hv he h1 h2.
have st (x dx : 'rV[R]_n) : x != 0 -> e * (norm dx / norm x) <= 1 / 2 -> x + e *: dx != 0.
  move=> hx h; apply: (@stays _ _ _ (1/2)) => //; last by lra.
  by rewrite normZ gtr0_norm // -ler_pdivrMr ?norm_gt0 // -mulrA.
have := remainder hu hv (st _ _ hu h1) (st _ _ hv h2).
rewrite deltaZ => h; apply: (le_trans h).
have -> : rho_sq u (e *: du) + rho_sq v (e *: dv) = (rho_sq u du + rho_sq v dv) * e ^+ 2.
  by rewrite /rho_sq !normZ (gtr0_norm he); ring.
rewrite mulrA; apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?rho_sq_ge0.
by have := sim_le1 hu hv; lra.
Qed.

Lemma small (K e0 t : R) : 0 < e0 -> 0 < t -> exists eps, [/\ 0 < eps, eps <= e0, eps <= t & K * eps <= t].
Proof.
move=> h0 ht; exists (Num.min e0 (t / (1 + `|K|))).
have hK : 0 < 1 + `|K| by rewrite ltr_pwDl.
have hd : 0 < t / (1 + `|K|) by rewrite divr_gt0.
have hp : 0 < Num.min e0 (t / (1 + `|K|)) by rewrite lt_min h0.
have hm : Num.min e0 (t / (1 + `|K|)) <= t / (1 + `|K|) by rewrite ge_min lexx orbT.
have hm' : Num.min e0 (t / (1 + `|K|)) * (1 + `|K|) <= t by rewrite -ler_pdivlMr.
have hn := ler_norm K; have hn0 := normr_ge0 K.
split=> //; first by rewrite ge_min lexx.
  by apply: le_trans hm' ; rewrite ler_peMr ?(ltW hp) //; lra.
by apply: le_trans hm'; rewrite mulrC ler_wpM2l ?(ltW hp) //; lra.
Qed.

(* a bound b e + K e^2 on the distance of two cosines, for some K, bounds the difference of their first-order terms by b *)
Theorem criterion n n' (u v du dv : 'rV[R]_n) (u' v' du' dv' : 'rV[R]_n') (b K e0 : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 < e0 ->
  (forall e, 0 < e <= e0 ->
    `|sim (u + e *: du) (v + e *: dv) - sim (u' + e *: du') (v' + e *: dv')| <= b * e + K * e ^+ 2) ->
  `|delta u v du dv - delta u' v' du' dv'| <= b.
Proof.
move=> hu hv hu' hv' hs h0 H; rewrite leNgt; apply/negP => hlt.
set D := `|_| in hlt; pose t := (D - b) / 2.
pose r m (x y : 'rV[R]_m) := norm y / norm x.
have r0 m (x y : 'rV[R]_m) : 0 <= r m x y by rewrite /r divr_ge0 ?norm_ge0.
pose S := 1 + r _ u du + r _ v dv + r _ u' du' + r _ v' dv'.
pose C := K + 4 * (rho_sq u du + rho_sq v dv) + 4 * (rho_sq u' du' + rho_sq v' dv').
have hS : 0 < 2 * S by rewrite /S; have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; lra.
have he1 : 0 < Num.min e0 (1 / (2 * S)) by rewrite lt_min h0 divr_gt0.
have ht : 0 < t by rewrite /t; lra.
have [e [e_gt e_le _ hC]] := small C he1 ht.
move: e_le; rewrite le_min => /andP[e_e0]; rewrite ler_pdivlMr // => e_S.
have p m (x y : 'rV[R]_m) : 0 <= e * r m x y by rewrite mulr_ge0 // ltW.
have p1 := p _ u du; have p2 := p _ v dv; have p3 := p _ u' du'; have p4 := p _ v' dv'.
have q1 : e * r _ u du <= 1 / 2 by rewrite /S in e_S; lra.
have q2 : e * r _ v dv <= 1 / 2 by rewrite /S in e_S; lra.
have q3 : e * r _ u' du' <= 1 / 2 by rewrite /S in e_S; lra.
have q4 : e * r _ v' dv' <= 1 / 2 by rewrite /S in e_S; lra.
have x1 := expand hu hv e_gt q1 q2; have x2 := expand hu' hv' e_gt q3 q4.
have he : 0 < e <= e0 by rewrite e_gt.
have := H e he; rewrite hs in x1; rewrite !ler_norml in x1 x2 *.
move: x1 x2 => /andP[a1 a2] /andP[a3 a4] /andP[a5 a6].
have : e * D <= (b + t) * e.
  rewrite /D -[e in X in X <= _](gtr0_norm e_gt) -normrM ler_norml.
  have hCe : C * e * e <= t * e by rewrite ler_wpM2r // ltW.
  by rewrite /C in hCe; lra.
by rewrite mulrC ler_pM2r // /t; lra.
Qed.
End FirstOrder.
