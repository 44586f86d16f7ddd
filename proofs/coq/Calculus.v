(* The real numbers: a continuous function on [0, 1] has a largest value, and what bends upwards lies above its tangent. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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

Theorem above (f : R -> R) (l : R) : (exists2 q, 0 <= q & expands f 0 l q) ->
  (forall t, 0 <= t <= 1 -> exists2 q, 0 <= q & exists k, expands f t k q) -> f 0 + l <= f 1.
Proof.
move=> [q0 q0p at0] bends; rewrite leNgt; apply/negP => lt; pose n := (f 0 + l - f 1) / 4.
have n0 : 0 < n by rewrite /n; lra.
pose L s := (f s + (- l) * s) + (2 * n) / 2 * s ^+ 2.
have ex t k q : expands f t k q -> expands L t (k + - l + 2 * n * t) (q + 0 + 2 * n).
  by move=> h; apply: expands_add; [apply: expands_add => //; exact: expands_line|exact: expands_square].
have [|T T01 most] := @largest L.
  by move=> t /bends [q _ [k /ex h]]; exact: expands_near h.
(* L rises near 0 *)
have [h [hp h1 Lh]] : exists h, [/\ 0 < h, h <= 1 & L 0 < L h].
  have [K [e0 [h0 H]]] := ex _ _ _ at0; pose N := `|K| + 1; have N0 : 0 < N by rewrite ltr_wpDl.
  pose h := Num.min (Num.min e0 1) (n / N / 2); exists h.
  have nN : 0 < n / N / 2 by apply: divr_gt0 => //; exact: divr_gt0.
  have hp : 0 < h by rewrite !lt_min h0 ltr01 nN.
  have he : `|h| <= e0 by rewrite gtr0_norm // !ge_min lexx.
  have hN : h * N <= n / 2 by rewrite -ler_pdivlMr // mulrAC !ge_min lexx !orbT.
  split=> //; first by rewrite !ge_min lexx orbT.
  have := H h he; rewrite add0r (gtr0_norm hp) ler_norml => /andP[low _].
  have hh : 0 < h ^+ 2 by rewrite exprn_gt0.
  have k3 : K * h ^+ 3 <= h ^+ 2 * (n / 2).
    have -> : K * h ^+ 3 = h ^+ 2 * (h * K) by ring.
    by rewrite ler_pM2l //; apply: le_trans hN; rewrite ler_pM2l // /N; have := ler_norm K; lra.
  have q2 : 0 <= h ^+ 2 * (q0 / 2) by rewrite mulr_ge0 ?divr_ge0 // ltW.
  have pn : 0 < h ^+ 2 * n by rewrite mulr_gt0.
  lra.
have Lmost : L h <= L T by apply: most; rewrite ltW.
have L1 : L 1 < L 0 by rewrite /L /n; lra.
have T0 : 0 < T.
  case/andP: T01 => a _; rewrite lt_def a andbT; apply/eqP => z; rewrite z in Lmost; lra.
have T1 : T < 1.
  case/andP: T01 => _ a; rewrite lt_def a andbT; apply/eqP => z; rewrite -z in Lmost; lra.
have [q qp [k hk]] := bends T T01; have [K [e0 [h0 H]]] := ex _ _ _ hk.
pose N := `|K| + 1; have N0 : 0 < N by rewrite ltr_wpDl.
pose g := Num.min (Num.min e0 (n / N / 2)) (Num.min T (1 - T)).
have nN : 0 < n / N / 2 by apply: divr_gt0 => //; exact: divr_gt0.
have gp : 0 < g by rewrite !lt_min h0 T0 subr_gt0 T1 nN.
have ge : `|g| <= e0 by rewrite gtr0_norm // !ge_min lexx.
have gN : g * N <= n / 2 by rewrite -ler_pdivlMr // mulrAC !ge_min lexx !orbT.
have gT : g <= T by rewrite !ge_min lexx !orbT.
have gT1 : g <= 1 - T by rewrite !ge_min lexx !orbT.
have m1 : L (T + g) <= L T by apply: most; apply/andP; split; lra.
have m2 : L (T + - g) <= L T by apply: most; apply/andP; split; lra.
have := H g ge; have := H (- g); rewrite normrN => /(_ ge); rewrite (gtr0_norm gp) !ler_norml sqrrN => /andP[low1 _] /andP[low2 _].
have gg : 0 < g ^+ 2 by rewrite exprn_gt0.
have k3 : K * g ^+ 3 <= g ^+ 2 * (n / 2).
  have -> : K * g ^+ 3 = g ^+ 2 * (g * K) by ring.
  by rewrite ler_pM2l //; apply: le_trans gN; rewrite ler_pM2l // /N; have := ler_norm K; lra.
have q2 : 0 <= g ^+ 2 * (q / 2) by rewrite mulr_ge0 ?divr_ge0 // ltW.
have pn : 0 < g ^+ 2 * n by rewrite mulr_gt0.
lra.
Qed.
End Calculus.
