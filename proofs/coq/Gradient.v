(* The gradient of the cosine of two outputs in the weights: its dual norm, by its values on the plane of both inputs. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output Plane.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Gradient.
Variable R : rcfType.
Local Notation delta := Cosine.delta.

(* <M, p'e + q'f> for orthonormal e, f: at most |M| times the sum of the singular values of the rows p, q *)
Lemma nuclear c d (M : 'M[R]_(c,d)) (p q : 'rV_c) (e f : 'rV_d) (eps D : R) : 0 <= eps -> spectral_le M eps ->
  dot e e = 1 -> dot f f = 1 -> dot e f = 0 -> 0 < D -> D ^+ 2 = dot p p * dot q q - dot p q ^+ 2 ->
  (dot (p *m M) e + dot (q *m M) f) ^+ 2 <= eps ^+ 2 * (dot p p + dot q q + 2 * D).
Proof.
move=> e0 hM ee ff ef D0 hD; have P0 := dot_ge0 p; have Q0 := dot_ge0 q.
pose a := dot q q + D; pose b := - dot p q; pose k := dot p p + D; pose t := D * (dot p p + dot q q + 2 * D).
have a0 : 0 < a by rewrite /a; lra.
have t0 : 0 < t by rewrite mulr_gt0 //; lra.
have hC : dot p q ^+ 2 = dot p p * dot q q - D ^+ 2 by rewrite hD; ring.
have ak : a * k - b ^+ 2 = t by rewrite /a /k /b /t sqrrN hC; ring.
pose y := p *m M; pose z := q *m M; pose u := a *: y + b *: z; pose w := a *: f - b *: e.
have yz : dot u u + t * dot z z <= eps ^+ 2 * (a * t).
  have hu : dot u u <= eps ^+ 2 * dot (a *: p + b *: q) (a *: p + b *: q).
    by rewrite /u /y /z !scalemxAl -mulmxDl; exact: spectral_le_sq.
  have hz := spectral_le_sq e0 hM q; rewrite -/z in hz.
  have sum : dot (a *: p + b *: q) (a *: p + b *: q) + t * dot q q = a * t.
    rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC q p) /t /a /b; move: (dot p p) (dot q q) (dot p q) hC => P Q C hC.
    transitivity ((Q + D) * (D * (P + Q + 2 * D)) - (2 * (Q + D) - Q) * (C ^+ 2 - (P * Q - D ^+ 2))); first by ring.
    by rewrite hC; ring.
  by rewrite -sum mulrDr lerD // mulrCA ler_wpM2l // ltW.
have ww : dot w w = a ^+ 2 + b ^+ 2 by rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC f e) ee ff ef; ring.
have split : a * (dot y e + dot z f) = dot u e + dot z w by rewrite /u /w !(dotDl, dotDr, dotNr, dotZl, dotZr); ring.
have cs : t * (dot u e + dot z w) ^+ 2 <= (dot u u + t * dot z z) * (t + dot w w).
  have h1 := cauchy_norm u e; have h2 := cauchy_norm z w; rewrite /norm ee sqrtr1 mulr1 -/(norm u) in h1.
  have h : (dot u e + dot z w) ^+ 2 <= (norm u + norm z * norm w) ^+ 2.
    rewrite -real_normK ?num_real // ler_pXn2r ?nnegrE ?normr_ge0 ?addr_ge0 ?mulr_ge0 ?norm_ge0 //.
    by apply: le_trans (ler_normD _ _) _; exact: lerD.
  apply: le_trans (ler_wpM2l (ltW t0) h) _; rewrite -!norm_sq.
  by have := sqr_ge0 (norm u * norm w - t * norm z); lra.
have ta : t + dot w w = a * (a + k) by rewrite ww -ak; ring.
have : t * (a * (dot y e + dot z f)) ^+ 2 <= eps ^+ 2 * (a * t) * (a * (a + k)).
  rewrite split; apply: le_trans cs _; rewrite ta ler_wpM2r // mulr_ge0 ?ltW // /k; lra.
have -> : eps ^+ 2 * (a * t) * (a * (a + k)) = t * a ^+ 2 * (eps ^+ 2 * (dot p p + dot q q + 2 * D)).
  by rewrite /k /a; ring.
by rewrite exprMn (mulrA t) ler_pM2l // mulr_gt0 // exprn_gt0.
Qed.

(* rows x, z with outputs u, v: half sum and half difference of the unit outputs, and what they come from *)
Section Halves.
Variables (c d : nat) (x z : 'rV[R]_c) (u v : 'rV[R]_d).
Hypotheses (hu : u != 0) (hv : v != 0).
Let s := sim u v.
Hypothesis s1 : -1 < s < 1.
Let h := Num.sqrt (2 * (1 + s)).
Let k := Num.sqrt (2 * (1 - s)).
Let h0 : 0 < h. Proof. by case/andP: s1 => a b; rewrite sqrtr_gt0; lra. Qed.
Let k0 : 0 < k. Proof. by case/andP: s1 => a b; rewrite sqrtr_gt0; lra. Qed.
Let hh : h ^+ 2 = 2 * (1 + s). Proof. by case/andP: s1 => a b; rewrite sqr_sqrtr //; lra. Qed.
Let kk : k ^+ 2 = 2 * (1 - s). Proof. by case/andP: s1 => a b; rewrite sqr_sqrtr //; lra. Qed.
Definition plus n (a b : 'rV[R]_n) := h^-1 *: ((norm u)^-1 *: a + (norm v)^-1 *: b).
Definition minus n (a b : 'rV[R]_n) := k^-1 *: ((norm u)^-1 *: a - (norm v)^-1 *: b).
Let p := plus x z.
Let q := minus x z.
Lemma orthonormal : [/\ dot (plus u v) (plus u v) = 1, dot (minus u v) (minus u v) = 1 & dot (plus u v) (minus u v) = 0].
Proof.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have uv : dot u v = s * (norm u * norm v) by rewrite /s /sim divfK // gt_eqF // mulr_gt0.
have hn := h0; have kn := k0.
rewrite /plus /minus !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC v u) -!norm_sq uv; split.
- have : h ^+ 2 / h ^+ 2 = 1 by rewrite divff // expf_neq0 // gt_eqF.
  by rewrite {1}hh => <-; field; rewrite !gt_eqF.
- have : k ^+ 2 / k ^+ 2 = 1 by rewrite divff // expf_neq0 // gt_eqF.
  by rewrite {1}kk => <-; field; rewrite !gt_eqF.
by field; rewrite !gt_eqF.
Qed.
Lemma delta_split (M : 'M[R]_(c,d)) :
  delta u v (x *m M) (z *m M) = (1 - s ^+ 2) * (dot (p *m M) (plus u v) + dot (q *m M) (- minus u v)).
Proof.
have pu := norm_gt0 hu; have pv := norm_gt0 hv; case/andP: s1 => a1 b1.
have e1 : h^-1 * h^-1 = (2 * (1 + s))^-1 by rewrite -hh expr2 invfM.
have e2 : k^-1 * k^-1 = (2 * (1 - s))^-1 by rewrite -kk expr2 invfM.
rewrite /p /q /plus /minus -!scalemxAl mulmxDl mulmxBl -!scalemxAl !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr).
rewrite /delta -/s (dotC u (x *m M)) (dotC v (z *m M)) (dotC u (z *m M)).
transitivity ((1 - s ^+ 2) * (h^-1 * h^-1 * ((norm u)^-1 * ((norm u)^-1 * dot (x *m M) u + (norm v)^-1 * dot (x *m M) v)
    + (norm v)^-1 * ((norm u)^-1 * dot (z *m M) u + (norm v)^-1 * dot (z *m M) v))
  - k^-1 * k^-1 * ((norm u)^-1 * ((norm u)^-1 * dot (x *m M) u - (norm v)^-1 * dot (x *m M) v)
    - (norm v)^-1 * ((norm u)^-1 * dot (z *m M) u - (norm v)^-1 * dot (z *m M) v)))); last by ring.
have n1 : 1 + s != 0 by rewrite gt_eqF //; lra.
have n2 : 1 - s != 0 by rewrite gt_eqF //; lra.
by rewrite e1 e2; field; rewrite n1 n2 !gt_eqF.
Qed.
Lemma delta_plane (M : 'M[R]_(c,d)) (eps D : R) : 0 <= eps -> spectral_le M eps -> 0 < D ->
  D ^+ 2 = dot p p * dot q q - dot p q ^+ 2 ->
  `|delta u v (x *m M) (z *m M)| <= (1 - s ^+ 2) * Num.sqrt (dot p p + dot q q + 2 * D) * eps.
Proof.
move=> e0 hM D0 hD; have [ee ff ef] := orthonormal; case/andP: s1 => a1 b1.
have s0 : 0 <= 1 - s ^+ 2 by nra.
have S0 : 0 <= dot p p + dot q q + 2 * D by have := dot_ge0 p; have := dot_ge0 q; lra.
have f1 : dot (- minus u v) (- minus u v) = 1 by rewrite dotNl dotNr ff opprK.
have f0 : dot (plus u v) (- minus u v) = 0 by rewrite dotNr ef oppr0.
have := nuclear e0 hM ee f1 f0 D0 hD; rewrite delta_split normrM ger0_norm // -mulrA => H; apply: ler_wpM2l => //.
rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 ?mulr_ge0 ?sqrtr_ge0 //.
by rewrite real_normK ?num_real // exprMn sqr_sqrtr // mulrC.
Qed.
Lemma plusM (W : 'M[R]_(c,d)) : plus x z *m W = plus (x *m W) (z *m W).
Proof. by rewrite /plus -scalemxAl mulmxDl -!scalemxAl. Qed.
Lemma minusM (W : 'M[R]_(c,d)) : minus x z *m W = minus (x *m W) (z *m W).
Proof. by rewrite /minus -scalemxAl mulmxBl -!scalemxAl. Qed.
(* the Gram matrix of p, q *)
Let g11 := (norm x / norm u) ^+ 2.
Let g22 := (norm z / norm v) ^+ 2.
Let g12 := dot x z / (norm u * norm v).
Lemma gram_plane : dot p p + dot q q = (g11 + g22 - 2 * g12 * s) / (1 - s ^+ 2) /\
  dot p p * dot q q - dot p q ^+ 2 = (g11 * g22 - g12 ^+ 2) / (1 - s ^+ 2).
Proof.
have pu := norm_gt0 hu; have pv := norm_gt0 hv; case/andP: s1 => a1 b1.
have n1 : 1 + s != 0 by rewrite gt_eqF //; lra.
have n2 : 1 - s != 0 by rewrite gt_eqF //; lra.
have n3 : 1 - s ^+ 2 = (1 + s) * (1 - s) by ring.
have e1 : h^-1 ^+ 2 = (2 * (1 + s))^-1 by rewrite -hh exprVn.
have e2 : k^-1 ^+ 2 = (2 * (1 - s))^-1 by rewrite -kk exprVn.
have eP : dot p p = (2 * (1 + s))^-1 * (g11 + 2 * g12 + g22).
  by rewrite -e1 /p /plus !(dotDl, dotDr, dotZl, dotZr) (dotC z x) -!norm_sq /g11 /g22 /g12; field; rewrite !gt_eqF.
have eQ : dot q q = (2 * (1 - s))^-1 * (g11 - 2 * g12 + g22).
  rewrite -e2 /q /minus !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC z x) -!norm_sq /g11 /g22 /g12.
  by field; rewrite !gt_eqF.
have eC : dot p q ^+ 2 = (2 * (1 + s))^-1 * (2 * (1 - s))^-1 * (g11 - g22) ^+ 2.
  rewrite -e1 -e2 /p /q /plus /minus !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC z x) -!norm_sq /g11 /g22.
  by field; rewrite !gt_eqF.
rewrite eP eQ eC n3; split; field; by rewrite n1 n2.
Qed.
End Halves.

(* rows with orthonormal images are independent *)
Lemma independent c d (W : 'M[R]_(c,d)) (p q : 'rV_c) : dot (p *m W) (p *m W) = 1 -> dot (q *m W) (q *m W) = 1 ->
  dot (p *m W) (q *m W) = 0 -> 0 < dot p p * dot q q - dot p q ^+ 2.
Proof.
move=> ee ff ef; rewrite lt_def subr_ge0 cauchy andbT; apply/eqP => z.
pose w := dot p p *: q - dot p q *: p.
have w0 : w = 0.
  apply: dot_eq0; rewrite /w !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p).
  by transitivity (dot p p * (dot p p * dot q q - dot p q ^+ 2)); [ring|rewrite z mulr0].
have pp : dot p p = 0.
  have : dot (w *m W) (q *m W) = dot p p by rewrite mulmxBl -!scalemxAl !(dotDl, dotNl, dotZl) ff ef; ring.
  by rewrite w0 mul0mx dot0l.
by move: ee; rewrite (dot_eq0 pp) mul0mx dot0l => /eqP; rewrite eq_sym oner_eq0.
Qed.

End Gradient.
