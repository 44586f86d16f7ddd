(* Lemma 2: second-order terms of the cosine. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Lemma 2: the second-order term of the cosine, and the norm of its Hessian. *)
Module SecondOrder.
Import Norms Cosine.
Section SecondOrder.
Variable R : rcfType.

(* f = O(t^k) near 0 *)
Definition O k (f : R -> R) := exists K e0 : R, 0 <= K /\ 0 < e0 <= 1 /\ forall t, `|t| <= e0 -> `|f t| <= K * `|t| ^+ k.

Lemma O_ext k f g : (forall t, f t = g t) -> O k f -> O k g.
Proof. by move=> e [K [e0 [hK [h0 h]]]]; exists K, e0; split=> //; split=> // t ht; rewrite -e; exact: h. Qed.
Lemma O_both k l f g : O k f -> O l g -> exists K L e0 : R, 0 <= K /\ 0 <= L /\ 0 < e0 <= 1 /\
  forall t, `|t| <= e0 -> `|f t| <= K * `|t| ^+ k /\ `|g t| <= L * `|t| ^+ l.
Proof.
move=> [K [a [hK [/andP[a0 a1] hf]]]] [L [b [hL [/andP[b0 b1] hg]]]]; exists K, L, (Num.min a b); split=> //; split=> //.
split=> [|t]; first by rewrite lt_min a0 b0 /= ge_min a1.
by rewrite le_min => /andP[ta tb]; split; [exact: hf|exact: hg].
Qed.
Lemma O_add k f g : O k f -> O k g -> O k (fun t => f t + g t).
Proof.
move=> hf hg; have [K [L [e0 [hK [hL [h0 h]]]]]] := O_both hf hg; exists (K + L), e0; split; first exact: addr_ge0.
by split=> // t /h [h1 h2]; apply: le_trans (ler_normD _ _) _; rewrite mulrDl lerD.
Qed.
Lemma O_mul k l f g : O k f -> O l g -> O (k + l) (fun t => f t * g t).
Proof.
move=> hf hg; have [K [L [e0 [hK [hL [h0 h]]]]]] := O_both hf hg; exists (K * L), e0; split; first exact: mulr_ge0.
split=> // t /h [h1 h2]; rewrite normrM exprD mulrACA; exact: ler_pM.
Qed.
Lemma O_const a : O 0 (fun=> a).
Proof. by exists `|a|, 1; split=> //; split=> [|t _]; rewrite ?ltr01 ?lexx // expr0 mulr1. Qed.
Lemma O_id k : O k (fun t => t ^+ k).
Proof. by exists 1, 1; split=> //; split=> [|t _]; rewrite ?ltr01 ?lexx // normrX mul1r. Qed.
Lemma O_less k l f : (l <= k)%N -> O k f -> O l f.
Proof.
move=> kl [K [e0 [hK [/andP[h0 h1] h]]]]; exists K, e0; split=> //; split=> [|t ht]; first by rewrite h0.
apply: le_trans (h t ht) _; apply: ler_wpM2l => //.
by apply: ler_wiXn2l => //; exact: le_trans ht h1.
Qed.
Lemma O_cube (h : R -> R) f : O 0 h -> (forall t, f t = t ^+ 3 * h t) -> O 3 f.
Proof. by move=> hh e; apply: (O_ext (f := fun t => t ^+ 3 * h t)) => [t|]; rewrite ?e //; exact: (O_mul (O_id 3) hh). Qed.

(* what is O(t^3) has no terms below t^3 *)
Lemma O_unique l q : O 3 (fun t => t * l + t ^+ 2 * q) -> q = 0.
Proof.
move=> [K [e0 [hK [/andP[h0 h1] h]]]].
have even t : 0 < t -> t <= e0 -> `|q| <= K * t.
  move=> t0 te; have tn : `|t| = t by rewrite gtr0_norm.
  have := h t; have := h (- t); rewrite normrN tn => /(_ te) a /(_ te) b.
  have s : `|(t * l + t ^+ 2 * q) + (- t * l + (- t) ^+ 2 * q)| <= K * t ^+ 3 + K * t ^+ 3.
    by apply: le_trans (ler_normD _ _) _; exact: lerD.
  move: s; have -> : t * l + t ^+ 2 * q + (- t * l + (- t) ^+ 2 * q) = t ^+ 2 * (2 * q) by ring.
  have -> : K * t ^+ 3 + K * t ^+ 3 = t ^+ 2 * (2 * (K * t)) by ring.
  by rewrite normrM (gtr0_norm (exprn_gt0 2 t0)) ler_pM2l ?exprn_gt0 // normrM gtr0_norm // ler_pM2l.
apply/eqP; rewrite -normr_le0 leNgt; apply/negP => q0.
pose t := Num.min e0 (`|q| / (2 * (K + 1))).
have p : 0 < 2 * (K + 1) by lra.
have t0 : 0 < t by rewrite lt_min h0 divr_gt0.
have te : t <= e0 by rewrite ge_min lexx.
have tq : t <= `|q| / (2 * (K + 1)) by rewrite ge_min lexx orbT.
rewrite ler_pdivlMr // in tq; have := even t t0 te; nra.
Qed.

(* 1 / sqrt (1 + y) to second order *)
Lemma root_series (y : R) : `|y| <= 1 / 2 -> `|(Num.sqrt (1 + y))^-1 - (1 - y / 2 + 3 * y ^+ 2 / 8)| <= `|y| ^+ 3.
Proof.
rewrite ler_norml => /andP[y1 y2]; have p : 0 < 1 + y by lra.
set G := 1 - y / 2 + 3 * y ^+ 2 / 8; set r := Num.sqrt (1 + y).
have r0 : 0 < r by rewrite sqrtr_gt0.
have rr : r ^+ 2 = 1 + y by rewrite sqr_sqrtr // ltW.
have r2 : r <= 5 / 4 by rewrite leNgt; apply/negP => h; nra.
have G0 : 3 / 4 <= G by rewrite /G; nra.
have g0 : 0 < r^-1 by rewrite invr_gt0.
have gr : r^-1 * r = 1 by rewrite mulVf // gt_eqF.
have g1 : 4 / 5 <= r^-1 by nra.
have e : (r^-1 - G) * (r^-1 + G) * (1 + y) = - (y ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2)).
  have -> : (r^-1 - G) * (r^-1 + G) = r^-1 ^+ 2 - G ^+ 2 by ring.
  have -> : r^-1 ^+ 2 = (1 + y)^-1 by rewrite -rr exprVn.
  by rewrite /G; field; rewrite gt_eqF.
have k : 0 <= 5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2 <= 39 / 50 by apply/andP; split; nra.
case/andP: k => k0 k1; have q0 : 0 < (r^-1 + G) * (1 + y) by apply: mulr_gt0 => //; lra.
have eq : `|r^-1 - G| * ((r^-1 + G) * (1 + y)) = `|y| ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2).
  rewrite -{1}(gtr0_norm q0) -normrM mulrA e normrN normrM; congr (_ * _); first exact: normrX.
  exact: ger0_norm.
have a0 := normr_ge0 (r^-1 - G); have b0 : 0 <= `|y| ^+ 3 by rewrite exprn_ge0.
have r7 : 7 / 10 <= r by rewrite leNgt; apply/negP => h; nra.
have m : 39 / 50 <= (r^-1 + G) * (1 + y).
  have -> : (r^-1 + G) * (1 + y) = r + G * (1 + y) by rewrite mulrDl -rr expr2 mulrA gr mul1r.
  nra.
have : `|r^-1 - G| * (39 / 50) <= `|r^-1 - G| * ((r^-1 + G) * (1 + y)) by rewrite ler_wpM2l.
rewrite eq => le; have : `|y| ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2) <= `|y| ^+ 3 * (39 / 50) by rewrite ler_wpM2l //; lra.
lra.
Qed.

Lemma O_horner a h : O 0 h -> O 0 (fun t => a + t * h t).
Proof.
move=> hh; apply: O_add; first exact: O_const.
by apply: (O_less (k := 1)) => //; apply: (O_ext (f := fun t => t ^+ 1 * h t)) => //; exact: (O_mul (O_id 1) hh).
Qed.
Definition inverse_root (y : R) := (Num.sqrt (1 + y))^-1.
Definition series a b (t : R) := 1 - a * t + (3 * a ^+ 2 - b) / 2 * t ^+ 2.
Lemma O_series a b : O 3 (fun t => inverse_root (2 * a * t + b * t ^+ 2) - series a b t).
Proof.
pose y t := 2 * a * t + b * t ^+ 2.
have yO : O 1 y.
  apply: (O_ext (f := fun t => t ^+ 1 * (2 * a + t * b))) => [t|]; first by rewrite /y; ring.
  exact: (O_mul (O_id 1) (O_horner _ (O_const b))).
have near : O 3 (fun t => inverse_root (y t) - (1 - y t / 2 + 3 * y t ^+ 2 / 8)).
  case: yO => K [e0 [hK [/andP[h0 h1] h]]]; have p : 0 < 2 * (K + 1) by lra.
  have e1 : 0 < Num.min e0 (2 * (K + 1))^-1 by rewrite lt_min h0 invr_gt0.
  exists (K ^+ 3), (Num.min e0 (2 * (K + 1))^-1); split; first exact: exprn_ge0.
  split=> [|t]; first by rewrite e1 ge_min h1.
  rewrite le_min => /andP[te tk]; have yt := h t te; rewrite expr1 in yt.
  have small : `|y t| <= 1 / 2.
    apply: le_trans yt _; have : `|t| * (2 * (K + 1)) <= 1 by rewrite -ler_pdivlMr // mul1r.
    have := normr_ge0 t; nra.
  apply: le_trans (root_series small) _; rewrite -exprMn.
  by rewrite ler_pXn2r ?nnegrE ?mulr_ge0.
apply: (O_ext (f := fun t => (inverse_root (y t) - (1 - y t / 2 + 3 * y t ^+ 2 / 8))
   + t ^+ 3 * (3 * a * b / 2 + t * (3 * b ^+ 2 / 8)))) => [t|].
  by rewrite /series /y; field.
apply: O_add => //; exact: (O_mul (O_id 3) (O_horner _ (O_const _))).
Qed.

Section Unit.
Variables (n : nat) (u v : 'rV[R]_n).
Hypotheses (uu : dot u u = 1) (vv : dot v v = 1).
Implicit Types du dv : 'rV[R]_n.
Let s := dot u v.
Definition across du dv := dot du v + dot u dv.
Definition along du dv := dot u du + dot v dv.
Definition hessian du dv : R := 2 * dot du dv - 2 * across du dv * along du dv
  + s * (2 * (dot u du * dot v dv) + 3 * dot u du ^+ 2 - dot du du + 3 * dot v dv ^+ 2 - dot dv dv).

Lemma expansion du dv :
  O 3 (fun t => sim (u + t *: du) (v + t *: dv) - s - t * (across du dv - s * along du dv) - t ^+ 2 * (hessian du dv / 2)).
Proof.
set a := dot u du; set b := dot v dv; set A := dot du du; set B := dot dv dv.
set n1 := across du dv; set n2 := dot du dv.
pose N t := s + t * (n1 + t * n2).
pose g1 t := inverse_root (2 * a * t + A * t ^+ 2); pose g2 t := inverse_root (2 * b * t + B * t ^+ 2).
have simE t : sim (u + t *: du) (v + t *: dv) = N t * (g1 t * g2 t).
  rewrite /sim /norm !dotDl !dotDr !dotZl !dotZr uu vv (dotC du u) (dotC dv v) -/a -/b -/A -/B.
  rewrite invfM /g1 /g2 /inverse_root; congr (_ * (_^-1 * _^-1)).
  - by rewrite /N /n1 /across /n2 -/s; ring.
  - by congr Num.sqrt; ring.
  - by congr Num.sqrt; ring.
have d1 := O_series a A; have d2 := O_series b B.
have P1 : O 0 (series a A).
  apply: (O_ext (f := fun t => 1 + t * (- a + t * ((3 * a ^+ 2 - A) / 2)))) => [t|]; first by rewrite /series; ring.
  exact: (O_horner _ (O_horner _ (O_const _))).
have P2 : O 0 (series b B).
  apply: (O_ext (f := fun t => 1 + t * (- b + t * ((3 * b ^+ 2 - B) / 2)))) => [t|]; first by rewrite /series; ring.
  exact: (O_horner _ (O_horner _ (O_const _))).
have G2 : O 0 g2.
  apply: (O_ext (f := fun t => (g2 t - series b B t) + series b B t)) => [t|]; first by ring.
  by apply: O_add => //; apply: (O_less (k := 3)).
have NO : O 0 N by exact: (O_horner _ (O_horner _ (O_const _))).
pose p := (3 * a ^+ 2 - A) / 2; pose r := (3 * b ^+ 2 - B) / 2.
pose k := a * r + b * p; pose m := a * b + p + r.
pose h t := (- s * k + n1 * m - n2 * (a + b)) + t * ((s * (p * r) - n1 * k + n2 * m)
   + t * ((n1 * (p * r) - n2 * k) + t * (n2 * (p * r)))).
have hO : O 0 h by exact: (O_horner _ (O_horner _ (O_horner _ (O_const _)))).
apply: (O_ext (f := fun t => N t * ((g1 t - series a A t) * g2 t + series a A t * (g2 t - series b B t)) + t ^+ 3 * h t)) => [t|].
  by rewrite simE /h /k /m /p /r /N /series /hessian -/a -/b -/A -/B -/n1 -/n2 /along -/a -/b; field.
apply: O_add; last exact: (O_mul (O_id 3) hO).
apply: (O_mul NO (l := 3)); apply: O_add; first exact: (O_mul d1 G2).
exact: (O_mul P1 d2).
Qed.

Lemma second_orderE du dv q : second_order u v du dv q -> q = hessian du dv.
Proof.
move=> [l [K [e0 [h0 h]]]].
have O2 : O 3 (fun t => sim (u + t *: du) (v + t *: dv) - s - t * l - t ^+ 2 * (q / 2)).
  exists `|K|, (Num.min e0 1); split=> //; split=> [|t]; first by rewrite lt_min h0 ltr01 ge_min lexx orbT.
  rewrite le_min => /andP[te _]; have := h t te; rewrite /sim -/s => le.
  have su : dot u v / (norm u * norm v) = s by rewrite /norm uu vv sqrtr1 mulr1 divr1.
  move: le; rewrite /sim su => le; apply: le_trans le _; apply: ler_wpM2r; first exact: exprn_ge0.
  exact: ler_norm.
have e := O_add (expansion du dv) (O_mul (O_const (-1)) O2).
have : (q - hessian du dv) / 2 = 0.
  apply: (@O_unique (l - (across du dv - s * along du dv))).
  by apply: O_ext e => t; field.
by move/eqP; rewrite mulf_eq0 invr_eq0 pnatr_eq0 orbF subr_eq0 => /eqP.
Qed.
Lemma hessian_second du dv : second_order u v du dv (hessian du dv).
Proof.
have [K [e0 [hK [/andP[h0 _] h]]]] := expansion du dv.
exists (across du dv - s * along du dv), K, e0; split=> // t /h.
by have -> : sim u v = s by rewrite /sim /norm uu vv sqrtr1 mulr1 divr1.
Qed.

Lemma hessian_le du dv : `|hessian du dv| <= (1 + `|s|) * (dot du du + dot dv dv).
Proof.
have ha : dot u du ^+ 2 <= dot du du by have := cauchy u du; rewrite uu mul1r.
have hb : dot v dv ^+ 2 <= dot dv dv by have := cauchy v dv; rewrite vv mul1r.
have minus := dot_ge0 (du - dv - along du dv *: (u - v)).
have plus := dot_ge0 (du + dv - along du dv *: (u + v)).
move: minus plus; rewrite /hessian /across /along.
rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) (dotC du u) (dotC dv v) (dotC dv du) (dotC dv u) (dotC v du) -/s.
move: (dot u du) (dot v dv) (dot du du) (dot dv dv) (dot du dv) (dot du v) (dot u dv) s ha hb => a b A B n2 x y t ha hb minus plus.
have d1 := sqr_ge0 (a - b); have d2 := sqr_ge0 (a + b).
by rewrite ler_norml; have [t0|t0] := lerP 0 t; [rewrite ger0_norm //|rewrite ltr0_norm //]; apply/andP; split; nra.
Qed.
End Unit.
End SecondOrder.
End SecondOrder.
