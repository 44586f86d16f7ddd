(* Logarithms, and functions of a real number. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Logarithms, known by their equation and the tangent at 1; for the real numbers, ln y <= K ln z if y - 1/y = K (z - 1/z). *)
Module Logarithm.
Section Logarithm.
Variables (R : rcfType) (ln : R -> R).
Hypothesis log : logarithm ln.

Lemma lnM x y : 0 < x -> 0 < y -> ln (x * y) = ln x + ln y. Proof. by case: log => h _; exact: h. Qed.
Lemma ln_le x : 0 < x -> ln x <= x - 1. Proof. by case: log => _; apply. Qed.
Lemma ln1 : ln 1 = 0. Proof. by have := lnM ltr01 ltr01; rewrite mulr1; lra. Qed.
Lemma lnV x : 0 < x -> ln x^-1 = - ln x.
Proof. by move=> x0; have := lnM x0 (_ : 0 < x^-1); rewrite invr_gt0 divff ?gt_eqF // ln1 => /(_ x0); lra. Qed.
Lemma ln_div x y : 0 < x -> 0 < y -> ln (x / y) = ln x - ln y.
Proof. by move=> x0 y0; rewrite lnM ?invr_gt0 // lnV. Qed.
Lemma ln_sq x : 0 < x -> ln (x ^+ 2) = 2 * ln x.
Proof. by move=> x0; rewrite expr2 lnM //; lra. Qed.
Lemma ln_mono x y : 0 < x -> x <= y -> ln x <= ln y.
Proof.
move=> x0 xy; have y0 := lt_le_trans x0 xy.
have := ln_le (divr_gt0 x0 y0); rewrite ln_div //.
by have : x / y <= 1 by [rewrite ler_pdivrMr // mul1r]; lra.
Qed.
Lemma ln_ge x : 0 < x -> 1 - x^-1 <= ln x.
Proof. by move=> x0; have := ln_le (_ : 0 < x^-1); rewrite invr_gt0 lnV // => /(_ x0); lra. Qed.

Lemma artanh_le a b q : -1 < a < 1 -> -1 < b < 1 -> 0 < q -> artanh_gap a b q -> artanh ln a - artanh ln b <= ln q.
Proof.
move=> /andP[a0 a1] /andP[b0 b1] q0; rewrite /artanh_gap /artanh => h.
have p1 : 0 < 1 + a by lra. have p2 : 0 < 1 - a by lra. have p3 : 0 < 1 + b by lra. have p4 : 0 < 1 - b by lra.
have := ln_mono (mulr_gt0 p1 p4) h; rewrite (lnM p1 p4) (lnM (exprn_gt0 2 q0) (mulr_gt0 p2 p3)) (lnM p2 p3) ln_sq //; lra.
Qed.
End Logarithm.

Section Growth.
Variables (R : rcfType) (ln : R -> R).
Hypothesis full : complete R.
Hypothesis log : logarithm ln.

Lemma shrinks (D C : R) : (forall n, 2 ^+ n * D <= C) -> D <= 0.
Proof.
move=> h; rewrite leNgt; apply/negP => D0.
have bound x : (exists n, x = 2 ^+ n) -> x <= C / D by case=> n ->; rewrite ler_pdivlMr.
have [a up least] := full (ex_intro _ 1 (ex_intro _ 0%N (esym (expr0 2)))) (ex_intro _ (C / D) bound).
have a1 : 1 <= a by apply: up; exists 0%N; rewrite expr0.
have : a <= a / 2 by apply: least => x [n ->]; rewrite ler_pdivlMr // -exprSr; apply: up; exists n.+1.
by lra.
Qed.

(* the number y >= 1 with y - 1/y = 2 s *)
Definition above_one (s : R) := s + Num.sqrt (1 + s ^+ 2).
Lemma above_oneP s : 0 <= s -> 1 <= above_one s /\ above_one s - (above_one s)^-1 = 2 * s.
Proof.
move=> s0; rewrite /above_one; have p : 0 <= 1 + s ^+ 2 by have := sqr_ge0 s; lra.
have rr := sqr_sqrtr p; have r1 : 1 <= Num.sqrt (1 + s ^+ 2) by rewrite -[X in X <= _]sqrtr1 ler_wsqrtr // lerDl sqr_ge0.
move: (Num.sqrt _) rr r1 => r rr r1; split; first by lra.
have y0 : 0 < s + r by lra.
by apply: (@mulIf _ (s + r)); rewrite ?gt_eqF // mulrBl mulVf ?gt_eqF //; rewrite !expr2 in rr; nra.
Qed.

Lemma growth K z y n : 1 <= K -> 1 <= z -> 1 <= y -> y - y^-1 = K * (z - z^-1) ->
  2 ^+ n * (ln y - K * ln z) <= 3 * K ^+ 2 * (z - 1) ^+ 2.
Proof.
move=> K1; elim: n z y => [|n IH] z y z1 y1 e.
  rewrite expr0 mul1r; have z0 : 0 < z by lra. have y0 : 0 < y by lra.
  have ly := ln_le log y0; have lz := ln_ge log z0.
  have iz : z * z^-1 = 1 by rewrite divff ?gt_eqF. have iy : y * y^-1 = 1 by rewrite divff ?gt_eqF.
  have i0 : 0 < z^-1 by rewrite invr_gt0. have j0 : 0 < y^-1 by rewrite invr_gt0.
  have i1 : z^-1 <= 1 by rewrite invf_le1. have j1 : y^-1 <= 1 by rewrite invf_le1.
  have kl := ler_wpM2l (le_trans ler01 K1) lz.
  suff : y - 1 <= K * (1 - z^-1) + 3 * K ^+ 2 * (z - 1) ^+ 2 by lra.
  clear ly lz kl; move: (z^-1) (y^-1) iz iy i0 j0 i1 j1 e => i j iz iy i0 j0 i1 j1 e.
  have d : z - 1 = z * (1 - i) by rewrite mulrBr iz mulr1.
  have yd : y - 1 = y * (1 - j) by rewrite mulrBr iy mulr1.
  have e1 : (y - 1) * (1 + j) = K * ((z - 1) * (1 + i)).
    have -> : (y - 1) * (1 + j) = y * j + y - 1 - j by ring.
    by have -> : (z - 1) * (1 + i) = z * i + z - 1 - i by [ring]; rewrite iy iz; lra.
  have zi : (z - 1) * (1 - i) = z - 1 - (1 - i) by rewrite mulrBr mulr1 mulrBl iz; ring.
  have up : y - 1 <= 2 * K * (z - 1).
    have : (y - 1) * 1 <= (y - 1) * (1 + j) by apply: ler_wpM2l; lra.
    have : (z - 1) * (1 + i) <= (z - 1) * 2 by apply: ler_wpM2l; lra.
    by move=> /(ler_wpM2l (le_trans ler01 K1)); lra.
  have t1 : (y - 1) * 2 <= K * ((z - 1) * 2) + (y - 1) ^+ 2.
    have k1 : (y - 1) * (1 - j) <= (y - 1) ^+ 2.
      by rewrite expr2; apply: ler_wpM2l; [lra|nra].
    have k2 : K * ((z - 1) * (1 + i)) <= K * ((z - 1) * 2).
      by apply: ler_wpM2l; [lra|apply: ler_wpM2l; lra].
    by lra.
  have t2 : (y - 1) ^+ 2 <= 4 * K ^+ 2 * (z - 1) ^+ 2.
    have -> : 4 * K ^+ 2 * (z - 1) ^+ 2 = (2 * K * (z - 1)) ^+ 2 by ring.
    by rewrite ler_pXn2r ?nnegrE //; [lra|apply: mulr_ge0; lra].
  have t3 : K * ((z - 1) * (1 - i)) <= K ^+ 2 * (z - 1) ^+ 2.
    have k1 : (z - 1) * (1 - i) <= (z - 1) ^+ 2 by rewrite expr2; apply: ler_wpM2l; [lra|nra].
    have k2 : K <= K ^+ 2 by rewrite expr2 ler_peMl //; lra.
    apply: le_trans (ler_wpM2l (le_trans ler01 K1) k1) _; apply: ler_wpM2r => //; exact: sqr_ge0.
  by lra.
pose x := Num.sqrt z; have z0 : 0 < z by lra.
have xx : x ^+ 2 = z by rewrite sqr_sqrtr // ltW.
have x1 : 1 <= x by rewrite -[X in X <= _]sqrtr1 ler_wsqrtr.
have x0 : 0 < x by lra. have i1 : x^-1 <= 1 by rewrite invf_le1. have i0 : 0 < x^-1 by rewrite invr_gt0.
have s0 : 0 <= K * (x - x^-1) / 2 by apply: divr_ge0 => //; apply: mulr_ge0; lra.
have [h1 hE] := above_oneP s0; move: (above_one _) h1 hE => h h1 hE.
have {}hE : h - h^-1 = K * (x - x^-1) by lra.
have h0 : 0 < h by lra.
have xh : x + x^-1 <= h + h^-1.
  have ex : (x + x^-1) ^+ 2 = (x - x^-1) ^+ 2 + 4 by field; rewrite gt_eqF.
  have eh : (h + h^-1) ^+ 2 = (h - h^-1) ^+ 2 + 4 by field; rewrite gt_eqF.
  have k : (x - x^-1) ^+ 2 <= (K * (x - x^-1)) ^+ 2 by rewrite exprMn ler_peMl ?sqr_ge0 // expr_ge1 //; lra.
  have j0 : 0 < h^-1 by rewrite invr_gt0.
  have a0 : 0 <= x + x^-1 by lra. have b0 : 0 <= h + h^-1 by lra.
  by rewrite -(@ler_pXn2r _ 2) ?nnegrE // ex eh hE lerD2r.
have yh : y <= h ^+ 2.
  have mono (p q : R) : 0 < p -> 0 < q -> p - p^-1 <= q - q^-1 -> p <= q.
    move=> p0 q0 l; rewrite leNgt; apply/negP => qp.
    have : p^-1 < q^-1 by rewrite ltf_pV2 ?posrE.
    by lra.
  apply: mono; rewrite ?exprn_gt0 //; first by lra.
  have -> : h ^+ 2 - (h ^+ 2)^-1 = (h - h^-1) * (h + h^-1) by field; rewrite gt_eqF.
  have zx : z - z^-1 = (x - x^-1) * (x + x^-1) by rewrite -xx; field; rewrite gt_eqF.
  rewrite e zx hE mulrA; apply: ler_wpM2l => //; apply: mulr_ge0; lra.
have lh : ln y - K * ln z <= 2 * (ln h - K * ln x).
  have := ln_mono log (_ : 0 < y) yh => /(_ ltac:(lra)); rewrite -{1}xx !(ln_sq log) //; lra.
have := IH x h x1 h1 hE => ih; rewrite exprSr -mulrA.
have p : 0 <= 2 ^+ n :> R by rewrite exprn_ge0.
have x4 : 4 * (x - 1) ^+ 2 <= (z - 1) ^+ 2.
  have -> : z - 1 = (x - 1) * (x + 1) by rewrite -xx; ring.
  rewrite exprMn mulrC; apply: ler_wpM2l; [exact: sqr_ge0|nra].
have := ler_wpM2l p lh; have := mulr_ge0 (ler0n R 3) (sqr_ge0 K); nra.
Qed.
Theorem slower K z y : 1 <= K -> 1 <= z -> 1 <= y -> y - y^-1 = K * (z - z^-1) -> ln y <= K * ln z.
Proof. by move=> K1 z1 y1 e; rewrite -subr_le0; apply: shrinks => n; exact: (growth n K1 z1 y1 e). Qed.
End Growth.
End Logarithm.

(* The real numbers: a continuous function on [0, 1] has a largest value, and what bends upwards lies above its tangent. *)
Module Calculus.
Section Calculus.
Variable R : rcfType.
Hypothesis full : complete R.

Definition near (f : R -> R) (t : R) := forall e, 0 < e -> exists2 r, 0 < r & forall s, `|s - t| <= r -> `|f s - f t| <= e.
Lemma largest (f : R -> R) : (forall t, 0 <= t <= 1 -> near f t) -> exists2 t, 0 <= t <= 1 & forall s, 0 <= s <= 1 -> f s <= f t.
Proof.
move=> cont; pose S t := 0 <= t <= 1 /\ forall s, 0 <= s <= t -> exists2 z, t <= z <= 1 & f s <= f z.
have S0 : S 0.
  split=> [|s /andP[s0 s1]]; first by rewrite lexx ler01.
  by exists s => //; rewrite s0; apply: le_trans s1 ler01.
have S1 x : S x -> x <= 1 by case=> /andP[].
have [T up least] := full (ex_intro _ 0 S0) (ex_intro _ 1 S1).
have T0 : 0 <= T by exact: up.
have T1 : T <= 1 by exact: least.
have TT : 0 <= T <= 1 by rewrite T0.
exists T => // s /andP[s0 s1]; rewrite leNgt; apply/negP => lt; pose e := (f s - f T) / 2.
have e0 : 0 < e by rewrite /e; lra.
have [r r0 hr] := cont T TT e e0.
have small z : `|z - T| <= r -> f z < f s by move=> /hr; rewrite ler_norml /e => /andP[_ h]; lra.
have inside z : T - r <= z -> z <= T + r -> f z < f s by move=> h1 h2; apply: small; rewrite ler_norml; apply/andP; split; lra.
suff : T <= T - r by lra.
apply: least => t St; rewrite leNgt; apply/negP => tT; have [/andP[t0 t1] St'] := St.
have [z0 /andP[z1 z2] fz] : exists2 z, T + r < z <= 1 & f s <= f z.
  have [st|ts] := lerP s t.
    have [|z /andP[tz z1] fz] := St' s; first by rewrite s0.
    exists z => //; rewrite z1 andbT ltNge; apply/negP => zT.
    by have := inside z (le_trans (ltW tT) tz) zT; rewrite ltNge fz.
  exists s => //; rewrite s1 andbT ltNge; apply/negP => sT.
  by have := inside s (le_trans (ltW tT) (ltW ts)) sT; rewrite ltxx.
have : S (T + r).
  split=> [|x /andP[x0 xT]]; first by apply/andP; split; lra.
  have [xt|tx] := lerP x t.
    have [|z /andP[tz z3] fxz] := St' x; first by rewrite x0.
    have [Tz|zT] := lerP (T + r) z; first by exists z; rewrite ?Tz.
    exists z0; first by rewrite z2 ltW.
    by apply: le_trans fxz _; apply: le_trans fz; apply: ltW; apply: inside; [exact: le_trans (ltW tT) tz|exact: ltW].
  exists z0; first by rewrite z2 ltW.
  by apply: le_trans fz; apply: ltW; apply: inside => //; exact: le_trans (ltW tT) (ltW tx).
by move=> /up; lra.
Qed.

(* to second order near t: f(t + h) = f(t) + h l + h^2 q / 2 + O(h^3) *)
Definition expands (f : R -> R) (t l q : R) := exists K e0 : R, 0 < e0 /\ forall h, `|h| <= e0 ->
  `|f (t + h) - f t - h * l - h ^+ 2 * (q / 2)| <= K * `|h| ^+ 3.
Lemma expands_near f t l q : expands f t l q -> near f t.
Proof.
move=> [K [e0 [h0 H]]] e he; pose N := `|l| + `|q / 2| + `|K| + 1.
have N0 : 0 < N by rewrite ltr_wpDl // !addr_ge0.
pose r := Num.min (Num.min e0 1) (e / N).
have r0 : 0 < r by rewrite !lt_min h0 ltr01 divr_gt0.
exists r => // s; rewrite !le_min => /andP[/andP[s1 s2]]; rewrite ler_pdivlMr // => s3.
set h := s - t in s1 s2 s3; have -> : s = t + h by rewrite /h; ring.
have := H h s1; set d := f (t + h) - f t => Hd.
have a0 := normr_ge0 h; have a2 : `|h| ^+ 2 <= `|h| by rewrite expr2 ler_piMl.
have a3 : `|h| ^+ 3 <= `|h| by rewrite exprS (le_trans _ a2) // expr2 ler_wpM2l // expr_le1.
have -> : d = (d - h * l - h ^+ 2 * (q / 2)) + (h * l + h ^+ 2 * (q / 2)) by ring.
apply: le_trans (ler_normD _ _) _; apply: le_trans (lerD Hd (ler_normD _ _)) _.
have -> : `|h * l| = `|h| * `|l| by exact: normrM.
have -> : `|h ^+ 2 * (q / 2)| = `|h| ^+ 2 * `|q / 2| by rewrite -normrX; exact: normrM.
have k1 : K * `|h| ^+ 3 <= `|K| * `|h|.
  by apply: le_trans (ler_wpM2r _ (ler_norm K)) _; [exact: exprn_ge0|exact: ler_wpM2l].
have k2 : `|h| ^+ 2 * `|q / 2| <= `|h| * `|q / 2| by exact: ler_wpM2r.
rewrite /N in s3; lra.
Qed.
Lemma expands_add f g t l q l' q' : expands f t l q -> expands g t l' q' -> expands (fun s => f s + g s) t (l + l') (q + q').
Proof.
move=> [K [e0 [h0 H]]] [K' [e0' [h0' H']]]; exists (K + K'), (Num.min e0 e0'); split; first by rewrite lt_min h0.
move=> h; rewrite le_min => /andP[/H a /H' b].
have -> : (K + K') * `|h| ^+ 3 = K * `|h| ^+ 3 + K' * `|h| ^+ 3 by exact: mulrDl.
apply: le_trans _ (lerD a b).
apply: le_trans _ (ler_normD _ _); rewrite le_eqVlt; apply/orP; left; apply/eqP; congr `|_|; by field.
Qed.
Lemma expands_scale a f t l q : expands f t l q -> expands (fun s => a * f s) t (a * l) (a * q).
Proof.
move=> [K [e0 [h0 H]]]; exists (`|a| * K), e0; split=> // h /H b; have -> : `|a| * K * `|h| ^+ 3 = `|a| * (K * `|h| ^+ 3) by rewrite -mulrA.
apply: le_trans _ (ler_wpM2l (normr_ge0 a) b); rewrite -normrM le_eqVlt; apply/orP; left; apply/eqP; congr `|_|; by field.
Qed.
Lemma expands_square M t : expands (fun s => M / 2 * s ^+ 2) t (M * t) M.
Proof.
exists 0, 1; split=> // h _; rewrite mul0r; have -> : M / 2 * (t + h) ^+ 2 - M / 2 * t ^+ 2 - h * (M * t) - h ^+ 2 * (M / 2) = 0 by field.
by rewrite normr0.
Qed.
Lemma expands_line b t : expands (fun s => b * s) t b 0.
Proof.
exists 0, 1; split=> // h _; have -> : b * (t + h) - b * t - h * b - h ^+ 2 * (0 / 2) = 0 by field.
by rewrite normr0 mul0r.
Qed.

Lemma near_add f g t : near f t -> near g t -> near (fun s => f s + g s) t.
Proof.
move=> hf hg e e0; have h2 : 0 < e / 2 by rewrite divr_gt0.
have [r r0 Hf] := hf _ h2; have [r' r0' Hg] := hg _ h2; exists (Num.min r r'); first by rewrite lt_min r0.
move=> s; rewrite le_min => /andP[/Hf a /Hg b]; rewrite opprD addrACA; apply: le_trans (ler_normD _ _) _; lra.
Qed.
(* second differences that are not negative, up to third order *)
Theorem above_second (f : R -> R) (l : R) :
  (exists K e0 : R, 0 < e0 /\ forall h, 0 < h <= e0 -> f 0 + h * l - K * h ^+ 2 <= f h) ->
  (forall t, 0 <= t <= 1 -> near f t) ->
  (forall t, 0 < t < 1 -> exists K e0 : R, 0 < e0 /\ forall h, 0 < h <= e0 ->
    - (K * h ^+ 3) <= f (t + h) + f (t - h) - 2 * f t) -> f 0 + l <= f 1.
Proof.
move=> [K0 [d0 [d0p at0]]] cont bends; rewrite leNgt; apply/negP => lt; pose n := (f 0 + l - f 1) / 4.
have n0 : 0 < n by rewrite /n; lra.
pose L s := f s + ((n - l) * s + (2 * n) / 2 * s ^+ 2).
have [|T T01 most] := @largest L.
  move=> t /cont h; apply: near_add => //; apply: expands_near.
  exact: (expands_add (expands_line (n - l) t) (expands_square (2 * n) t)).
have [h [hp h1 Lh]] : exists h, [/\ 0 < h, h <= 1 & L 0 < L h].
  pose N := `|K0| + 1; have N0 : 0 < N by rewrite ltr_wpDl.
  pose h := Num.min (Num.min d0 1) (n / N); exists h; have nN : 0 < n / N by exact: divr_gt0.
  have hp : 0 < h by rewrite !lt_min d0p ltr01 nN.
  have hd : h <= d0 by rewrite !ge_min lexx.
  have hN : h * N <= n by rewrite -ler_pdivlMr // !ge_min lexx !orbT.
  split=> //; first by rewrite !ge_min lexx orbT.
  have := at0 h; rewrite hp hd => /(_ isT) low.
  have k : h * (h * K0) <= h * n.
    by rewrite ler_pM2l //; apply: le_trans hN; rewrite ler_pM2l // /N; have := ler_norm K0; lra.
  have p : 0 < n * h ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
  rewrite /L !expr2 in p low *; lra.
have Lmost : L h <= L T by apply: most; rewrite ltW.
have L1 : L 1 < L 0 by rewrite /L /n; lra.
have T0 : 0 < T.
  case/andP: T01 => a _; rewrite lt_def a andbT; apply/eqP => z; rewrite z in Lmost; lra.
have T1 : T < 1.
  case/andP: T01 => _ a; rewrite lt_def a andbT; apply/eqP => z; rewrite -z in Lmost; lra.
have [|K [e0 [h0 H]]] := bends T; first by rewrite T0.
pose N := `|K| + 1; have N0 : 0 < N by rewrite ltr_wpDl.
pose g := Num.min (Num.min e0 (n / N)) (Num.min T (1 - T)).
have nN : 0 < n / N by exact: divr_gt0.
have gp : 0 < g by rewrite !lt_min h0 T0 subr_gt0 T1 nN.
have ge : g <= e0 by rewrite !ge_min lexx.
have gN : g * N <= n by rewrite -ler_pdivlMr // !ge_min lexx !orbT.
have gT : g <= T by rewrite !ge_min lexx !orbT.
have gT1 : g <= 1 - T by rewrite !ge_min lexx !orbT.
have m1 : L (T + g) <= L T by apply: most; apply/andP; split; lra.
have m2 : L (T - g) <= L T by apply: most; apply/andP; split; lra.
have := H g; rewrite gp ge => /(_ isT) low.
have gg : 0 < n * g ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
have k3 : K * g ^+ 3 <= n * g ^+ 2.
  have -> : K * g ^+ 3 = g * K * g ^+ 2 by ring.
  by rewrite ler_pM2r ?exprn_gt0 //; apply: le_trans gN; rewrite ler_pM2l // /N; have := ler_norm K; lra.
rewrite /L in m1 m2; lra.
Qed.
Theorem above (f : R -> R) (l : R) : (exists2 q, 0 <= q & expands f 0 l q) ->
  (forall t, 0 <= t <= 1 -> exists2 q, 0 <= q & exists k, expands f t k q) -> f 0 + l <= f 1.
Proof.
move=> [q0 q0p [K [e0 [h0 H]]]] bends; apply: above_second => [|t /bends[q _ [k /expands_near]] //|t /andP[t0 t1]].
  exists `|K|, (Num.min e0 1); split; first by rewrite lt_min h0 ltr01.
  move=> h /andP[hp]; rewrite le_min => /andP[he h1]; have := H h; rewrite gtr0_norm // add0r => /(_ he).
  rewrite ler_norml => /andP[low _]; have q2 : 0 <= h ^+ 2 * (q0 / 2) by rewrite mulr_ge0 ?sqr_ge0 // divr_ge0.
  have k : K * h ^+ 3 <= `|K| * h ^+ 2.
    have p3 : 0 <= h ^+ 3 by rewrite exprn_ge0 // ltW.
    apply: le_trans (ler_wpM2r p3 (ler_norm K)) _; apply: ler_wpM2l => //.
    by rewrite exprS ler_piMl ?sqr_ge0.
  lra.
have [|q qp [k [K' [e0' [h0' H']]]]] := bends t; first by rewrite (ltW t0) ltW.
exists (2 * K'), e0'; split=> // h /andP[hp he]; have a1 := H' h; have a2 := H' (- h).
rewrite normrN gtr0_norm // in a1 a2; have := a1 he; have := a2 he; rewrite !ler_norml sqrrN => /andP[b2 _] /andP[b1 _].
have q2 : 0 <= h ^+ 2 * q by rewrite mulr_ge0 ?sqr_ge0.
lra.
Qed.
End Calculus.
End Calculus.
