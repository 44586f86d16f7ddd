(* Logarithms and functions of a real number; matrices: Frobenius norms of products and of effects, projections. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
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
have p1 : 0 < 1 + a by clear -a0; lra. have p2 : 0 < 1 - a by clear -a1; lra. have p3 : 0 < 1 + b by clear -b0; lra. have p4 : 0 < 1 - b by clear -b1; lra.
have := ln_mono (mulr_gt0 p1 p4) h; rewrite (lnM p1 p4) (lnM (exprn_gt0 2 q0) (mulr_gt0 p2 p3)) (lnM p2 p3) ln_sq //; clear; lra.
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
by clear -a1 least; lra.
Qed.

(* the number y >= 1 with y - 1/y = 2 s *)
Definition above_one (s : R) := s + Num.sqrt (1 + s ^+ 2).
Lemma above_oneP s : 0 <= s -> 1 <= above_one s /\ above_one s - (above_one s)^-1 = 2 * s.
Proof.
move=> s0; rewrite /above_one; have p : 0 <= 1 + s ^+ 2 by have := sqr_ge0 s; lra.
have rr := sqr_sqrtr p; have r1 : 1 <= Num.sqrt (1 + s ^+ 2) by rewrite -[X in X <= _]sqrtr1 ler_wsqrtr // lerDl sqr_ge0.
move: (Num.sqrt _) rr r1 => r rr r1; split; first by lra.
have y0 : 0 < s + r by lra.
by apply: (@mulIf _ (s + r)); rewrite ?gt_eqF // mulrBl mulVf ?gt_eqF //; rewrite !expr2 in rr; clear -y0 rr; nra.
Qed.

Lemma growth K z y n : 1 <= K -> 1 <= z -> 1 <= y -> y - y^-1 = K * (z - z^-1) ->
  2 ^+ n * (ln y - K * ln z) <= 3 * K ^+ 2 * (z - 1) ^+ 2.
Proof.
move=> K1; elim: n z y => [|n IH] z y z1 y1 e.
  rewrite expr0 mul1r; have z0 : 0 < z by clear -e y1 z1 K1; lra. have y0 : 0 < y by clear -e z0 y1 z1 K1; lra.
  have ly := ln_le log y0; have lz := ln_ge log z0.
  have iz : z * z^-1 = 1 by rewrite divff ?gt_eqF. have iy : y * y^-1 = 1 by rewrite divff ?gt_eqF.
  have i0 : 0 < z^-1 by rewrite invr_gt0. have j0 : 0 < y^-1 by rewrite invr_gt0.
  have i1 : z^-1 <= 1 by rewrite invf_le1. have j1 : y^-1 <= 1 by rewrite invf_le1.
  have kl := ler_wpM2l (le_trans ler01 K1) lz.
  suff : y - 1 <= K * (1 - z^-1) + 3 * K ^+ 2 * (z - 1) ^+ 2 by clear -kl e lz ly j1; lra.
  clear ly lz kl; move: (z^-1) (y^-1) iz iy i0 j0 i1 j1 e => i j iz iy i0 j0 i1 j1 e.
  have d : z - 1 = z * (1 - i) by rewrite mulrBr iz mulr1.
  have yd : y - 1 = y * (1 - j) by rewrite mulrBr iy mulr1.
  have e1 : (y - 1) * (1 + j) = K * ((z - 1) * (1 + i)).
    have -> : (y - 1) * (1 + j) = y * j + y - 1 - j by ring.
    by have -> : (z - 1) * (1 + i) = z * i + z - 1 - i by [ring]; rewrite iy iz; clear -e yd; lra.
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
    by clear -e1 zi up k1 k2; lra.
  have t2 : (y - 1) ^+ 2 <= 4 * K ^+ 2 * (z - 1) ^+ 2.
    have -> : 4 * K ^+ 2 * (z - 1) ^+ 2 = (2 * K * (z - 1)) ^+ 2 by ring.
    by rewrite ler_pXn2r ?nnegrE //; [lra|apply: mulr_ge0; lra].
  have t3 : K * ((z - 1) * (1 - i)) <= K ^+ 2 * (z - 1) ^+ 2.
    have k1 : (z - 1) * (1 - i) <= (z - 1) ^+ 2 by rewrite expr2; apply: ler_wpM2l; [lra|nra].
    have k2 : K <= K ^+ 2 by rewrite expr2 ler_peMl //; lra.
    apply: le_trans (ler_wpM2l (le_trans ler01 K1) k1) _; apply: ler_wpM2r => //; exact: sqr_ge0.
  by lra.
pose x := Num.sqrt z; have z0 : 0 < z by clear -e y1 z1 K1 IH; lra.
have xx : x ^+ 2 = z by rewrite sqr_sqrtr // ltW.
have x1 : 1 <= x by rewrite -[X in X <= _]sqrtr1 ler_wsqrtr.
have x0 : 0 < x by clear -xx x1; lra. have i1 : x^-1 <= 1 by rewrite invf_le1. have i0 : 0 < x^-1 by rewrite invr_gt0.
have s0 : 0 <= K * (x - x^-1) / 2 by apply: divr_ge0 => //; apply: mulr_ge0; lra.
have [h1 hE] := above_oneP s0; move: (above_one _) h1 hE => h h1 hE.
have {}hE : h - h^-1 = K * (x - x^-1) by clear -h1 hE; lra.
have h0 : 0 < h by clear -h1 hE; lra.
have xh : x + x^-1 <= h + h^-1.
  have ex : (x + x^-1) ^+ 2 = (x - x^-1) ^+ 2 + 4 by field; rewrite gt_eqF.
  have eh : (h + h^-1) ^+ 2 = (h - h^-1) ^+ 2 + 4 by field; rewrite gt_eqF.
  have k : (x - x^-1) ^+ 2 <= (K * (x - x^-1)) ^+ 2 by rewrite exprMn ler_peMl ?sqr_ge0 // expr_ge1 //; lra.
  have j0 : 0 < h^-1 by rewrite invr_gt0.
  have a0 : 0 <= x + x^-1 by lra. have b0 : 0 <= h + h^-1 by clear -j0 h0; lra.
  by rewrite -(@ler_pXn2r _ 2) ?nnegrE // ex eh hE lerD2r.
have yh : y <= h ^+ 2.
  have mono (p q : R) : 0 < p -> 0 < q -> p - p^-1 <= q - q^-1 -> p <= q.
    move=> p0 q0 l; rewrite leNgt; apply/negP => qp.
    have : p^-1 < q^-1 by rewrite ltf_pV2 ?posrE.
    by clear -l qp; lra.
  apply: mono; rewrite ?exprn_gt0 //; first by clear -e h0 h1 z0 y1; lra.
  have -> : h ^+ 2 - (h ^+ 2)^-1 = (h - h^-1) * (h + h^-1) by field; rewrite gt_eqF.
  have zx : z - z^-1 = (x - x^-1) * (x + x^-1) by rewrite -xx; field; rewrite gt_eqF.
  rewrite e zx hE mulrA; apply: ler_wpM2l => //; apply: mulr_ge0; lra.
have lh : ln y - K * ln z <= 2 * (ln h - K * ln x).
  have := ln_mono log (_ : 0 < y) yh => /(_ ltac:(lra)); rewrite -{1}xx !(ln_sq log) //; lra.
have := IH x h x1 h1 hE => ih; rewrite exprSr -mulrA.
have p : 0 <= 2 ^+ n :> R by rewrite exprn_ge0.
have x4 : 4 * (x - 1) ^+ 2 <= (z - 1) ^+ 2.
  have -> : z - 1 = (x - 1) * (x + 1) by rewrite -xx; ring.
  rewrite exprMn mulrC; apply: ler_wpM2l; [exact: sqr_ge0|clear -x1; nra].
have := ler_wpM2l p lh; have := mulr_ge0 (ler0n R 3) (sqr_ge0 K); clear -yh lh ih p x4; nra.
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
have e0 : 0 < e by rewrite /e; clear -lt e; lra.
have [r r0 hr] := cont T TT e e0.
have small z : `|z - T| <= r -> f z < f s by move=> /hr; rewrite ler_norml /e => /andP[_ h]; lra.
have inside z : T - r <= z -> z <= T + r -> f z < f s by move=> h1 h2; apply: small; rewrite ler_norml; apply/andP; split; clear -h1 h2; lra.
suff : T <= T - r by clear -r0 r; lra.
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
by move=> /up; clear -r0 TT; lra.
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
have n0 : 0 < n by rewrite /n; clear -d0p lt; lra.
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
    by rewrite ler_pM2l //; apply: le_trans hN; rewrite ler_pM2l // /N; have := ler_norm K0; clear; lra.
  have p : 0 < n * h ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
  rewrite /L !expr2 in p low *; clear -hd hN low k p; lra.
have Lmost : L h <= L T by apply: most; rewrite ltW.
have L1 : L 1 < L 0 by rewrite /L /n; clear -lt; lra.
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
have m1 : L (T + g) <= L T by apply: most; apply/andP; split; clear -gp ge gN gT gT1; lra.
have m2 : L (T - g) <= L T by apply: most; apply/andP; split; lra.
have := H g; rewrite gp ge => /(_ isT) low.
have gg : 0 < n * g ^+ 2 by rewrite mulr_gt0 // exprn_gt0.
have k3 : K * g ^+ 3 <= n * g ^+ 2.
  have -> : K * g ^+ 3 = g * K * g ^+ 2 by ring.
  by rewrite ler_pM2r ?exprn_gt0 //; apply: le_trans gN; rewrite ler_pM2l // /N; have := ler_norm K; clear; lra.
rewrite /L in m1 m2; clear -m1 m2 low gg k3; lra.
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
  clear -he h1 low q2 k; lra.
have [|q qp [k [K' [e0' [h0' H']]]]] := bends t; first by rewrite (ltW t0) ltW.
exists (2 * K'), e0'; split=> // h /andP[hp he]; have a1 := H' h; have a2 := H' (- h).
rewrite normrN gtr0_norm // in a1 a2; have := a1 he; have := a2 he; rewrite !ler_norml sqrrN => /andP[b2 _] /andP[b1 _].
have q2 : 0 <= h ^+ 2 * q by rewrite mulr_ge0 ?sqr_ge0.
clear -a1 a2 b2 b1 q2; lra.
Qed.
End Calculus.
End Calculus.

(* Setting A.2: expectations of quadratic forms, Lemma 3, Props. 3-5 and what is near them. *)
Module SharedFunction.
Import Norms.
Section SharedFunction.
Variable R : rcfType.

Lemma fro_ge0 m n (D : 'M[R]_(m,n)) : 0 <= fro D.
Proof. exact: sqrtr_ge0. Qed.
Lemma fro_sqE m n (D : 'M[R]_(m,n)) : fro D ^+ 2 = fro_sq D.
Proof. by rewrite sqr_sqrtr // fro_sq_ge0. Qed.
Lemma fro_sqZ m n a (D : 'M[R]_(m,n)) : fro_sq (a *: D) = a ^+ 2 * fro_sq D.
Proof.
rewrite /fro_sq mulr_sumr; apply: eq_bigr => i _; rewrite mulr_sumr; apply: eq_bigr => j _.
by rewrite mxE exprMn.
Qed.
Lemma froN m n (D : 'M[R]_(m,n)) : fro (- D) = fro D.
Proof. by rewrite /fro -scaleN1r fro_sqZ sqrrN expr1n mul1r. Qed.
Lemma fro_mulr k m n (D : 'M[R]_(k,m)) (M : 'M_(m,n)) e : 0 <= e -> spectral_le M e -> fro (D *m M) <= e * fro D.
Proof.
move=> he h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE; exact: fro_sq_mulr.
Qed.
Lemma fro_mull k m n (D : 'M[R]_(m,k)) (M : 'M_(n,m)) e : 0 <= e -> spectral_le M e -> fro (M *m D) <= e * fro D.
Proof.
move=> he h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE; exact: fro_sq_mull.
Qed.

Lemma moment c d (Omega : Type) (x : Omega -> 'rV[R]_c) E (F : 'M[R]_c) (D : 'M[R]_(c,d)) :
  law x E (F^T *m F) -> E (fun w => norm (x w *m D) ^+ 2) = fro_sq (F *m D).
Proof.
case=> E_ext E_lin E_cov.
rewrite (@E_ext _ (quadratic x (fun i j k => D i k * D j k))); last first.
  move=> w; rewrite norm_sq /dot /quadratic; apply: eq_bigr => k _; rewrite !mxE mulr_suml; apply: eq_bigr => i _.
  by rewrite mulr_sumr; apply: eq_bigr => j _; ring.
rewrite E_lin -fro_sq_tr /fro_sq; apply: eq_bigr => k _.
transitivity (\sum_i \sum_j D i k * D j k * \sum_l F l i * F l j).
  apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite E_cov !mxE; congr (_ * _).
  by apply: eq_bigr => l _; rewrite mxE.
transitivity (\sum_l (\sum_i F l i * D i k) * (\sum_j F l j * D j k)); last first.
  by apply: eq_bigr => l _; rewrite !mxE expr2.
rewrite (eq_bigr (fun i => \sum_l \sum_j D i k * D j k * (F l i * F l j))); last first.
  by move=> i _; rewrite exchange_big; apply: eq_bigr => j _; rewrite mulr_sumr.
rewrite exchange_big; apply: eq_bigr => l _; rewrite mulr_suml; apply: eq_bigr => i _.
by rewrite mulr_sumr; apply: eq_bigr => j _; ring.
Qed.

Lemma moment1 c d (Omega : Type) (x : Omega -> 'rV[R]_c) E sigma (D : 'M[R]_(c,d)) :
  law x E (sigma ^+ 2)%:M -> E (fun w => norm (x w *m D) ^+ 2) = sigma ^+ 2 * fro_sq D.
Proof.
move=> h; rewrite (@moment _ _ _ _ _ sigma%:M); first by rewrite mul_scalar_mx fro_sqZ.
by rewrite tr_scalar_mx -scalar_mxM -expr2.
Qed.

(* such laws exist: the rows sigma sqrt(c) e_i, each with probability 1/c *)
Lemma law_exists c (sigma : R) : exists (Omega : Type) (x : Omega -> 'rV[R]_c.+1) E, law x E (sigma ^+ 2)%:M.
Proof.
pose n : R := (c.+1)%:R; have n0 : n != 0 by rewrite pnatr_eq0.
have nn : 0 <= n by rewrite ler0n.
exists 'I_c.+1, (fun w => (sigma * Num.sqrt n) *: delta_mx 0 w), (fun f => n^-1 * \sum_w f w); split.
- by move=> f g h; congr (_ * _); apply: eq_bigr => w _.
- move=> d D; rewrite /quadratic exchange_big mulr_sumr; apply: eq_bigr => k _.
  rewrite exchange_big mulr_sumr; apply: eq_bigr => i _.
  rewrite exchange_big mulr_sumr; apply: eq_bigr => j _.
  by rewrite !mulr_sumr; apply: eq_bigr => w _; ring.
move=> i j; rewrite !mxE (bigD1 i) //= big1 ?addr0 => [|w hw].
  rewrite !mxE !eqxx /= [j == i]eq_sym; have [_|_] := eqVneq i j; last by rewrite !mulr0.
  by rewrite !mulr1 -expr2 exprMn sqr_sqrtr // mulrCA mulVf // mulr1.
by rewrite !mxE eqxx /= (eq_sym i) (negbTE hw) mulr0 mul0r.
Qed.
End SharedFunction.
End SharedFunction.

(* When an adapter keeps its effect: the law of transfer for layers whose readers and writers are matrices. *)
Module Transfer.
Import Norms SharedFunction.
Section Transfer.
Variable R : rcfType.

(* effects as matrices, inputs x outputs *)
Lemma innerC m n (A B : 'M[R]_(m, n)) : inner A B = inner B A.
Proof. by rewrite /inner -mxtrace_tr trmx_mul trmxK. Qed.
Lemma innerDl m n (A B C : 'M[R]_(m, n)) : inner (A + B) C = inner A C + inner B C.
Proof. by rewrite /inner mulmxDl raddfD. Qed.
Lemma innerNl m n (A B : 'M[R]_(m, n)) : inner (- A) B = - inner A B.
Proof. by rewrite /inner mulNmx raddfN. Qed.
Lemma innerZl m n a (A B : 'M[R]_(m, n)) : inner (a *: A) B = a * inner A B.
Proof. by rewrite /inner -scalemxAl mxtraceZ. Qed.
Lemma innerDr m n (A B C : 'M[R]_(m, n)) : inner C (A + B) = inner C A + inner C B.
Proof. by rewrite innerC innerDl !(innerC C). Qed.
Lemma innerNr m n (A B : 'M[R]_(m, n)) : inner B (- A) = - inner B A.
Proof. by rewrite innerC innerNl innerC. Qed.
Lemma innerZr m n a (A B : 'M[R]_(m, n)) : inner B (a *: A) = a * inner B A.
Proof. by rewrite innerC innerZl innerC. Qed.
Lemma fro_inner m n (A : 'M[R]_(m, n)) : fro_sq A = inner A A.
Proof.
rewrite /inner /fro_sq /mxtrace; apply: eq_bigr => i _; rewrite mxE.
by apply: eq_bigr => j _; rewrite mxE expr2.
Qed.
Lemma inner0 m n (A : 'M[R]_(m, n)) : inner A A = 0 -> A = 0.
Proof.
rewrite -fro_inner fro_sq_vec => /dot_eq0 h; apply: (can_inj (@mxvecK _ m n)).
by rewrite h linear0.
Qed.
Lemma inner_dot m n (A B : 'M[R]_(m, n)) : inner A B = dot (mxvec A) (mxvec B).
Proof.
transitivity (\sum_i \sum_j A i j * B i j).
  by apply: eq_bigr => i _; rewrite mxE; apply: eq_bigr => j _; rewrite mxE.
rewrite /dot [RHS](reindex _ (curry_mxvec_bij _ _)) /= pair_bigA /=.
by apply: eq_bigr => -[i j] _; rewrite !mxvecE.
Qed.
Lemma inner_cauchy m n (A B : 'M[R]_(m, n)) : `|inner A B| <= fro A * fro B.
Proof. by rewrite inner_dot /fro !fro_sq_vec; exact: cauchy_norm. Qed.

(* Theorem 2: readers r, writers J, effect r M J *)
Theorem read_write N p p' q q' m (r : 'M[R]_(N, p)) (r' : 'M_(N, p')) (J : 'M_(q, m)) (J' : 'M_(q', m)) M L :
  inner (r *m M *m J) (r' *m L *m J') = \tr (M^T *m (r^T *m r') *m L *m (J' *m J^T)).
Proof.
rewrite innerC /inner !trmx_mul.
have -> : r' *m L *m J' *m (J^T *m (M^T *m r^T)) = (r' *m L *m J' *m J^T) *m (M^T *m r^T) by rewrite !mulmxA.
by rewrite mxtrace_mulC !mulmxA.
Qed.
Theorem rank_one N p q m (r r' : 'M[R]_(N, p)) (J J' : 'M_(q, m)) (u : 'cV_p) (w : 'rV_q) :
  inner (r *m (u *m w) *m J) (r' *m (u *m w) *m J') = inner (r *m u) (r' *m u) * inner (w *m J) (w *m J').
Proof.
rewrite /inner !trmx_mul.
have -> : r *m (u *m w) *m J *m (J'^T *m (w^T *m u^T *m r'^T))
  = (r *m u) *m (w *m J *m (J'^T *m w^T)) *m (u^T *m r'^T) by rewrite !mulmxA.
rewrite [w *m J *m _]mx11_scalar mul_mx_scalar -scalemxAl mxtraceZ mulrC; congr (_ * _).
by rewrite mxtrace_scalar mulr1n.
Qed.

(* Theorem 6: the best adapter on the target *)
Lemma pinv_unique m n (A : 'M[R]_(m, n)) P Q : pinv A P -> pinv A Q -> P = Q.
Proof.
move=> [p1 p2 p3 p4] [q1 q2 q3 q4].
have left : A *m P = A *m Q.
  have e : (A *m P *m (A *m Q))^T = A *m P by rewrite trmx_mul p3 q3 mulmxA q1.
  by rewrite -e !mulmxA p1 q3.
have right : P *m A = Q *m A.
  have e : (Q *m A *m (P *m A))^T = P *m A by rewrite trmx_mul p4 q4 -mulmxA (mulmxA A) q1.
  by rewrite -e -mulmxA (mulmxA A) p1 q4.
by rewrite -p2 right -mulmxA left mulmxA q2.
Qed.
Lemma pinv_sym n (S G : 'M[R]_n) : S^T = S -> pinv S G -> G^T = G.
Proof.
move=> sym g; apply: (pinv_unique _ g); case: g => [g1 g2 g3 g4]; split.
- by apply: trmx_inj; rewrite !trmx_mul trmxK sym mulmxA g1.
- by apply: trmx_inj; rewrite !trmx_mul !trmxK sym mulmxA g2.
- by rewrite trmx_mul trmxK sym -g4 trmx_mul sym.
- by rewrite trmx_mul trmxK sym -g3 trmx_mul sym.
Qed.
Lemma pinv_gram m n (A : 'M[R]_(m, n)) (G : 'M_n) : pinv (A^T *m A) G -> pinv A (G *m A^T).
Proof.
move=> g; have sym : G^T = G by apply: pinv_sym g; rewrite trmx_mul trmxK.
case: g => [g1 g2 g3 g4].
have zero : A *m (G *m A^T) *m A = A.
  apply/eqP; rewrite -subr_eq0; apply/eqP/inner0; rewrite /inner mxtrace_mulC.
  have -> : (A *m (G *m A^T) *m A - A)^T = (A^T *m A *m G - 1%:M) *m A^T.
    by rewrite raddfB /= !trmx_mul trmxK sym mulmxBl mul1mx !mulmxA.
  have -> : (A^T *m A *m G - 1%:M) *m A^T *m (A *m (G *m A^T) *m A - A)
     = (A^T *m A *m G - 1%:M) *m (A^T *m A *m G *m (A^T *m A) - A^T *m A) by rewrite -mulmxA mulmxBr !mulmxA.
  by rewrite g1 subrr mulmx0 mxtrace0.
split=> //.
- by rewrite mulmxA -(mulmxA G) g2.
- by rewrite !trmx_mul trmxK sym mulmxA.
- by rewrite -(mulmxA G) g4.
Qed.

Section Best.
Variables (N p q m : nat) (A : 'M[R]_(N, p)) (P : 'M[R]_(p, N)) (B : 'M[R]_(q, m)) (Q : 'M[R]_(m, q)).
Hypotheses (hP : pinv A P) (hQ : pinv B Q).
(* what the target can read and write of an effect *)
Definition reached (E : 'M[R]_(N, m)) := A *m P *m E *m (Q *m B).

Lemma reached_id X : reached (A *m X *m B) = A *m X *m B.
Proof.
case: hP => [p1 _ _ _]; case: hQ => [q1 _ _ _].
by rewrite /reached -(mulmxA A X) (mulmxA (A *m P) A) p1 -(mulmxA A) -(mulmxA X) (mulmxA B Q) q1.
Qed.
Lemma reachedE E : reached E = A *m (P *m E *m Q) *m B.
Proof. by rewrite /reached !mulmxA. Qed.
Lemma reachedB E F : reached (E - F) = reached E - reached F.
Proof. by rewrite /reached mulmxBr mulmxBl. Qed.
Lemma reached_adjoint E F : inner (reached E) F = inner E (reached F).
Proof.
case: hP => [_ _ p3 _]; case: hQ => [_ _ _ q4].
rewrite /inner /reached !trmx_mul -[B^T *m Q^T]trmx_mul q4 -[P^T *m A^T]trmx_mul p3.
have -> : A *m P *m E *m (Q *m B) *m F^T = (A *m P) *m (E *m (Q *m B) *m F^T) by rewrite !mulmxA.
by rewrite mxtrace_mulC !mulmxA.
Qed.
Lemma reached_twice E : reached (reached E) = reached E.
Proof. by have e := reachedE E; rewrite e reached_id. Qed.
Lemma reached_self E : inner (reached E) E = fro_sq (reached E).
Proof. by rewrite fro_inner [RHS]reached_adjoint reached_twice innerC. Qed.
Lemma pythagoras E X : fro_sq (A *m X *m B - E) = fro_sq (A *m X *m B - reached E) + fro_sq (reached E - E).
Proof.
have cross : inner (A *m X *m B - reached E) (reached E - E) = 0.
  have <- : reached (A *m X *m B - reached E) = A *m X *m B - reached E.
    by rewrite reachedB reached_id reached_twice.
  rewrite reached_adjoint reachedB reached_twice subrr.
  by rewrite /inner trmx0 mulmx0 mxtrace0.
have -> : A *m X *m B - E = (A *m X *m B - reached E) + (reached E - E) by rewrite addrA subrK.
move: (_ - reached E) (reached E - E) cross => Y Z cross.
by rewrite !fro_inner innerDl !innerDr (innerC Z Y) cross addr0 add0r.
Qed.

Theorem best_adapter (E : 'M[R]_(N, m)) X :
  fro_sq (A *m (P *m E *m Q) *m B - E) = fro_sq E - fro_sq (reached E)
  /\ fro_sq (A *m (P *m E *m Q) *m B - E) <= fro_sq (A *m X *m B - E).
Proof.
have e : A *m (P *m E *m Q) *m B = reached E by rewrite /reached !mulmxA.
split; last by rewrite e [leRHS]pythagoras lerDr fro_sq_ge0.
have s := reached_self E.
rewrite e fro_inner !(innerDl, innerDr, innerNl, innerNr) (innerC E) s -!fro_inner; ring.
Qed.
End Best.

(* M* = (C_TT^+ C_TS) M (K_ST K_TT^+) is that adapter, and its rank is M's at most *)
Theorem carried N p p' q q' m (r : 'M[R]_(N, p)) (r' : 'M[R]_(N, p')) (J : 'M[R]_(q, m)) (J' : 'M[R]_(q', m)) M C K :
  pinv (r'^T *m r') C -> pinv (J' *m J'^T) K ->
  let best := C *m (r'^T *m r) *m M *m (J *m J'^T *m K) in let e := r *m M *m J in
  [/\ (\rank best <= \rank M)%N, fro_sq (r' *m best *m J' - e) = fro_sq e - fro_sq (r' *m best *m J')
    & forall X, fro_sq (r' *m best *m J' - e) <= fro_sq (r' *m X *m J' - e)].
Proof.
move=> hC hK best e; have hP := pinv_gram hC.
have hQ : pinv J' (J'^T *m K).
  have symK : K^T = K by apply: pinv_sym hK; rewrite trmx_mul trmxK.
  have hK' : pinv (J'^T^T *m J'^T) K by rewrite trmxK.
  have [q1 q2 q3 q4] := pinv_gram hK'; rewrite trmxK in q1 q2 q3 q4.
  split.
  - by apply: trmx_inj; rewrite !trmx_mul trmxK symK mulmxA q1.
  - by apply: trmx_inj; rewrite !trmx_mul trmxK symK mulmxA q2.
  - by rewrite !trmx_mul trmxK symK -q4 !trmx_mul trmxK symK.
  - by rewrite !trmx_mul trmxK symK mulmxA.
have eb : r' *m best *m J' = r' *m (C *m r'^T *m e *m (J'^T *m K)) *m J' by rewrite /best /e !mulmxA.
split.
- by apply: leq_trans (mxrankM_maxl _ _) _; exact: mxrankM_maxr.
- by rewrite eb; have [-> _] := best_adapter hP hQ e 0; rewrite reachedE.
- by move=> X; rewrite eb; have [] := best_adapter hP hQ e X.
Qed.
End Transfer.
End Transfer.
