(* Angles: cosine and sine by their equations. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Angles: cosine and sine by their equations, and how far two vectors turn apart (lemma-1-angle, prop-1-finite). *)
Module Circle.
Import Norms Cosine.
Section Cosines.
Variable R : rcfType.

(* of two cosines x, s and of bounds C, B on them, with the sines X, Z, S, T: cos(b + r) <= cos(angles of x and s) *)
Lemma turned (x X s Z C S B T : R) : x ^+ 2 + X ^+ 2 = 1 -> s ^+ 2 + Z ^+ 2 = 1 -> C ^+ 2 + S ^+ 2 = 1 ->
  B ^+ 2 + T ^+ 2 = 1 -> 0 <= X -> 0 <= Z -> 0 <= S -> 0 <= T -> 0 <= C -> C <= x -> B <= s -> 0 <= C * T + S * B ->
  C * B - S * T <= x * s - X * Z.
Proof.
move=> hx hs hC hB X0 Z0 S0 T0 C0 Cx Bs sum.
have XS : X <= S by rewrite -(@ler_pXn2r _ 2) ?nnegrE //; nra.
have inner : x * B - X * T <= x * s - X * Z.
  have [ZT|TZ] := lerP Z T; first by have := ler_wpM2l X0 ZT; have := ler_wpM2l (le_trans C0 Cx) Bs; lra.
  have B0 : B < 0 by rewrite ltNge; apply/negP => B0; have := ltr_pM T0 T0 TZ TZ; nra.
  have p : 0 < Z + T by lra.
  have k1 : 0 <= x * T + X * B.
    have := ler_wpM2r T0 Cx; have : S * B <= X * B by rewrite ler_wnM2r // ltW.
    lra.
  have k2 : 0 <= x * Z + X * s.
    have x0 := le_trans C0 Cx; have := ler_wpM2l x0 (ltW TZ); have := ler_wpM2l X0 Bs; lra.
  have k3 : 0 <= (s - B) * (x * Z + X * s + (x * T + X * B)) by apply: mulr_ge0; [rewrite subr_ge0|exact: addr_ge0].
  by rewrite -subr_ge0 -(pmulr_lge0 _ p); nra.
apply: le_trans inner; have [B0|B0] := lerP 0 B.
  by have := ler_wpM2r B0 Cx; have := ler_wpM2r T0 XS; lra.
have [p|p] := lerP (x + C) 0.
  have -> : x = 0 by lra.
  have -> : C = 0 by lra.
  by have := ler_wpM2r T0 XS; lra.
have k1 : 0 <= T * x + X * B.
  have := ler_wpM2r T0 Cx; have : S * B <= X * B by rewrite ler_wnM2r // ltW.
  lra.
have k2 : 0 <= (S - X) * (T * x + X * B + (C * T + S * B)) by apply: mulr_ge0; [rewrite subr_ge0|exact: addr_ge0].
by rewrite -subr_ge0 -(pmulr_lge0 _ p); nra.
Qed.

Lemma gram3 n (u v w : 'rV[R]_n) : u != 0 -> v != 0 -> w != 0 ->
  (sim u w - sim v u * sim v w) ^+ 2 <= (1 - sim v u ^+ 2) * (1 - sim v w ^+ 2).
Proof.
move=> hu hv hw; rewrite !sim_hat.
have a := hat1 hu; have b := hat1 hv; have c := hat1 hw.
move: (hat u) (hat v) (hat w) a b c => p q r a b c.
have := cauchy (p - dot q p *: q) (r - dot q r *: q).
by rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC p q) (dotC r q) a b c; lra.
Qed.

Variables (cos sin : R -> R) (pi : R).
Hypothesis circle : circular cos sin pi.

Lemma cosD a b : cos (a + b) = cos a * cos b - sin a * sin b. Proof. by case: circle => _ _ []. Qed.
Lemma sinD a b : sin (a + b) = sin a * cos b + cos a * sin b. Proof. by case: circle => _ _ []. Qed.
Lemma one a : cos a ^+ 2 + sin a ^+ 2 = 1. Proof. by case: circle. Qed.
Lemma pi_gt0 : 0 < pi. Proof. by case: circle => -[]. Qed.
Lemma cos_pi : cos pi = -1. Proof. by case: circle => -[]. Qed.
Lemma sin_ge0 a : 0 <= a <= pi -> 0 <= sin a. Proof. by case: circle => _ _ _ _; apply. Qed.
Lemma cos_lt a b : 0 <= a -> a < b -> b <= pi -> cos b < cos a. Proof. by case: circle => _ _ _ h _; exact: h. Qed.
Lemma cos0 : cos 0 = 1.
Proof.
have := cosD 0 0; have := sinD 0 0; have := one 0; rewrite addr0; move: (cos 0) (sin 0) => c s h1 h2 h3.
have : (c - 1) * (2 * c + 1) = 0 by nra.
move/eqP; rewrite mulf_eq0 => /orP[/eqP|/eqP h]; first by lra.
have : s * (1 - 2 * c) = 0 by lra.
by move/eqP; rewrite mulf_eq0 => /orP[/eqP|/eqP] k; nra.
Qed.
Lemma sin0 : sin 0 = 0.
Proof. by have := one 0; rewrite cos0 expr1n => /eqP; rewrite -subr_eq0 addrAC subrr add0r sqrf_eq0 => /eqP. Qed.
Lemma sin_pi : sin pi = 0.
Proof. by have := one pi; rewrite cos_pi sqrrN expr1n => /eqP; rewrite -subr_eq0 addrAC subrr add0r sqrf_eq0 => /eqP. Qed.
Lemma opposite a : cos (- a) = cos a /\ sin (- a) = - sin a.
Proof.
have := cosD a (- a); have := sinD a (- a); rewrite subrr cos0 sin0 => h2 h1; have h := one a.
move: (cos a) (sin a) (cos (- a)) (sin (- a)) h h1 h2 => c s c' s' h h1 h2; split.
  rewrite -[LHS]mulr1 -h (_ : c' * _ = c * (c * c' - s * s') + s * (s * c' + c * s')); last by ring.
  by rewrite -h1 -h2; ring.
rewrite -[LHS]mulr1 -h (_ : s' * _ = c * (s * c' + c * s') - s * (c * c' - s * s')); last by ring.
by rewrite -h1 -h2; ring.
Qed.
Lemma cosN a : cos (- a) = cos a. Proof. by case: (opposite a). Qed.
Lemma sinN a : sin (- a) = - sin a. Proof. by case: (opposite a). Qed.
Lemma cos_half : cos (pi / 2) = 0.
Proof.
have := cosD (pi / 2) (pi / 2); have := one (pi / 2); have -> : pi / 2 + pi / 2 = pi by lra.
rewrite cos_pi => h1 h2; have : cos (pi / 2) ^+ 2 = 0 by lra.
by move/eqP; rewrite sqrf_eq0 => /eqP.
Qed.
Lemma cos_supplement a : cos (pi - a) = - cos a.
Proof. by rewrite cosD cosN sinN cos_pi sin_pi; lra. Qed.
Lemma cos_le a b : 0 <= a <= pi -> 0 <= b <= pi -> cos a <= cos b -> b <= a.
Proof. by move=> /andP[a0 a1] /andP[b0 b1] h; rewrite leNgt; apply/negP => /(cos_lt a0) /(_ b1); rewrite ltNge h. Qed.

(* an arcsine of a number that is not negative *)
Lemma arcsin_ge0 p r : 0 <= p -> arcsin sin pi p r -> 0 <= r <= pi / 2 /\ 0 <= cos r.
Proof.
move=> p0 [/andP[r1 r2] e]; have P := pi_gt0.
have c0 : 0 <= cos r.
  have [z|z] := lerP 0 r.
    rewrite -cos_half; have [<-|ne] := eqVneq r (pi / 2); first exact: lexx.
    by apply/ltW/cos_lt => //; [rewrite lt_def eq_sym ne|lra].
  rewrite -cosN -cos_half; have [<-|ne] := eqVneq (- r) (pi / 2); first exact: lexx.
  by apply/ltW/cos_lt; [lra|rewrite lt_def eq_sym ne /=; lra|lra].
split=> //; rewrite r2 andbT leNgt; apply/negP => z.
have s0 : 0 <= sin (- r) by apply: sin_ge0; lra.
rewrite sinN e in s0; have s1 : sin r = 0 by lra.
have := cos_lt (lexx 0) (_ : 0 < - r) (_ : - r <= pi); rewrite cosN cos0 => /(_ ltac:(lra)) /(_ ltac:(lra)).
have := one r; rewrite s1 expr0n addr0 /= => h1 h2; nra.
Qed.

(* an increment turns a vector by at most the arcsine of its relative length *)
Lemma near_cos n (u du : 'rV[R]_n) p r : u != 0 -> u + du != 0 -> norm du <= p * norm u -> p <= 1 -> arcsin sin pi p r ->
  cos r <= sim u (u + du).
Proof.
move=> hu hu' hp p1 hr; have pu := norm_gt0 hu; have pv := norm_gt0 hu'.
have p0 : 0 <= p by have := le_trans (norm_ge0 du) hp; rewrite pmulr_lge0.
have [_ c0] := arcsin_ge0 p0 hr; have [_ e] := hr; have := one r; rewrite e => hone.
have dE : norm du ^+ 2 = norm (u + du) ^+ 2 - 2 * (sim u (u + du) * (norm u * norm (u + du))) + norm u ^+ 2.
  rewrite /sim divfK ?mulf_neq0 ?gt_eqF // !norm_sq !(dotDl, dotDr) (dotC du u); ring.
have dp : norm du ^+ 2 <= p ^+ 2 * norm u ^+ 2 by rewrite -exprMn ler_pXn2r ?nnegrE ?norm_ge0 // mulr_ge0 // ltW.
move: (sim _ _) (norm u) (norm (u + du)) dE dp pu pv => x a b -> dp pu pv.
have x0 : 0 <= x.
  rewrite -(pmulr_lge0 _ (mulr_gt0 pu pv)); have : p ^+ 2 <= 1 by rewrite expr_le1.
  have := sqr_ge0 a; have := sqr_ge0 b; nra.
rewrite -(@ler_pXn2r _ 2) ?nnegrE //.
have pa : 0 < a ^+ 2 by rewrite exprn_gt0.
rewrite -(ler_pM2l pa); have := sqr_ge0 (b - x * a); nra.
Qed.

Section Turn.
Variables (n : nat) (u v u' v' : 'rV[R]_n) (a r t : R).
Hypotheses (hu : u != 0) (hv : v != 0) (hu' : u' != 0) (hv' : v' != 0).
Hypotheses (ha : angle cos pi u v a) (hr : 0 <= r <= pi / 2) (ht : 0 <= t <= pi / 2).
Hypotheses (cr : cos r <= sim u u') (ct : cos t <= sim v v').

Lemma step_cos m (p q w : 'rV[R]_m) b s : p != 0 -> q != 0 -> w != 0 -> 0 <= b -> 0 <= s <= pi / 2 -> b + s <= pi ->
  cos b <= sim p q -> cos s <= sim q w -> cos (b + s) <= sim p w.
Proof.
move=> hp hq hw b0 /andP[s0 s1] bs cb cs; have P := pi_gt0.
have g := gram3 hp hq hw; rewrite (simC p q) in g.
have i1 : - 1 <= sim p q <= 1 by rewrite -ler_norml sim_le1.
have i2 : - 1 <= sim q w <= 1 by rewrite -ler_norml sim_le1.
move: (sim p q) (sim q w) (sim p w) cb cs g i1 i2 => y x z cb cs g /andP[y0 y1] /andP[x0 x1].
pose X := Num.sqrt (1 - x ^+ 2); pose Y := Num.sqrt (1 - y ^+ 2).
have XX : x ^+ 2 + X ^+ 2 = 1 by rewrite sqr_sqrtr; [lra|nra].
have YY : y ^+ 2 + Y ^+ 2 = 1 by rewrite sqr_sqrtr; [lra|nra].
have low : x * y - X * Y <= z.
  have : `|z - y * x| <= X * Y.
    rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 ?mulr_ge0 ?sqrtr_ge0 // real_normK ?num_real // exprMn.
    by have -> : X ^+ 2 = 1 - x ^+ 2 by [lra]; have -> : Y ^+ 2 = 1 - y ^+ 2 by [lra]; lra.
  by rewrite ler_norml; lra.
apply: le_trans low; rewrite cosD.
have c0 : 0 <= cos s.
  rewrite -cos_half; have [->|ne] := eqVneq s (pi / 2); first exact: lexx.
  by apply/ltW/cos_lt => //; [rewrite lt_def eq_sym ne|lra].
have S0 : 0 <= sin s by apply: sin_ge0; lra.
have B0 : 0 <= sin b by apply: sin_ge0; lra.
have BS : 0 <= sin (b + s) by apply: sin_ge0; lra.
rewrite sinD in BS.
have := turned XX YY (one s) (one b) (sqrtr_ge0 _) (sqrtr_ge0 _) S0 B0 c0 cs cb; lra.
Qed.

Lemma turn_low : cos (Num.min pi (a + (r + t))) <= sim u' v'.
Proof.
have P := pi_gt0; have [/andP[a0 a1] ea] := ha; case/andP: (hr) => r0 r1; case/andP: (ht) => t0 t1.
rewrite minElt; case: ifP => [_|/negbT]; first by rewrite cos_pi; have := sim_le1 hu' hv'; rewrite ler_norml => /andP[].
rewrite -leNgt addrA => small.
apply: (step_cos hu' hv) => //; [by rewrite addr_ge0|].
rewrite simC; apply: (step_cos hv hu) => //; [lra|by rewrite simC ea].
Qed.
End Turn.

Theorem turn_interval n (u v u' v' : 'rV[R]_n) a r t : u != 0 -> v != 0 -> u' != 0 -> v' != 0 ->
  angle cos pi u v a -> 0 <= r <= pi / 2 -> 0 <= t <= pi / 2 -> cos r <= sim u u' -> cos t <= sim v v' ->
  cos (Num.min pi (a + (r + t))) <= sim u' v' <= cos (Num.max (a - (r + t)) 0).
Proof.
move=> hu hv hu' hv' ha hr ht cr ct; rewrite (turn_low hu hv hu' hv' ha hr ht cr ct) /=.
have P := pi_gt0; have [/andP[a0 a1] ea] := ha; case/andP: (hr) => r0 r1; case/andP: (ht) => t0 t1.
have nv : - v != 0 by rewrite oppr_eq0. have nv' : - v' != 0 by rewrite oppr_eq0.
have simNr (x y : 'rV[R]_n) : sim x (- y) = - sim x y by rewrite /sim dotNr normN mulNr.
have simNN (x y : 'rV[R]_n) : sim (- x) (- y) = sim x y by rewrite /sim dotNr dotNl opprK !normN.
have ha' : angle cos pi u (- v) (pi - a) by split; [lra|rewrite cos_supplement simNr ea].
have := @turn_low _ u (- v) u' (- v') (pi - a) r t hu nv hu' nv' ha' hr ht cr; rewrite simNN => /(_ ct).
rewrite simNr; have [le0|gt0] := lerP (a - (r + t)) 0.
  by move=> _; rewrite cos0; have := sim_le1 hu' hv'; rewrite ler_norml => /andP[].
have -> : Num.min pi (pi - a + (r + t)) = pi - (a - (r + t)) by rewrite min_r; lra.
by rewrite cos_supplement; lra.
Qed.
End Cosines.
End Circle.
