(* Lemma 1's remainder as the claims state it, with the best constant for every s, and what follows for Prop. 1. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine Holds1 Remainder Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsRemainder.
Variable R : rcfType.

Theorem lemma_1_remainder_holds : lemma_1_remainder R.
Proof.
move=> d u v du dv hu' hv' hu hv; split; first exact: remainder_le.
have := remainder_ge hu' hv' hu hv; rewrite lerNl /least /half opprK; exact.
Qed.

(* the larger of the two constants *)
Definition most (s : R) := least (- `|s|).
Lemma mostE s : most s = Num.sqrt ((1 + `|s|) / 2) * (1 + Num.sqrt ((1 + `|s|) / 2)).
Proof. by rewrite /most /least /half opprK. Qed.
Lemma least_anti (a b : R) : a <= b -> least b <= least a.
Proof.
move=> ab; have h : Remainder.half b <= Remainder.half a.
  by rewrite /Remainder.half ler_wsqrtr // ler_wpM2r ?invr_ge0 // lerD2l lerN2.
have b0 := half_ge0 b; rewrite /least; apply: ler_pM => //; first by rewrite addr_ge0.
by rewrite lerD2l.
Qed.
Lemma remainder_abs n (u v du dv : 'rV[R]_n) : u + du != 0 -> v + dv != 0 -> u != 0 -> v != 0 ->
  `|sim (u + du) (v + dv) - sim u v - Remainder.delta u v du dv| <= most (sim u v) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2).
Proof.
move=> hu' hv' hu hv; have r0 : 0 <= (norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2 by rewrite addr_ge0 ?sqr_ge0.
rewrite ler_norml; apply/andP; split.
  apply: le_trans _ (remainder_ge hu' hv' hu hv); rewrite lerN2 ler_wpM2r //.
  by apply: least_anti; rewrite lerN2 ler_norm.
apply: le_trans (remainder_le hu' hv' hu hv) _; rewrite ler_wpM2r //.
by apply: least_anti; rewrite lerNl -normrN ler_norm.
Qed.

Theorem lemma_1_remainder_best_holds : lemma_1_remainder_best R.
Proof.
split=> [d u v du dv hu' hv' hu hv|s q /andP[s1 s2] /andP[q0 q1]].
  by have := remainder_abs hu' hv' hu hv; rewrite mostE.
have c0 : 0 < Remainder.half (- `|s|) by rewrite sqrtr_gt0 divr_gt0 // opprK ltr_pwDl.
have K0 : 0 < most s by rewrite /most /least mulr_gt0 // addr_gt0.
have qK : q * most s < most s by rewrite gtr_pMl.
have lt1 : -1 <= - `|s| < 1.
  have n0 := normr_ge0 s; have n1 : `|s| < 1 by rewrite ltr_norml s1.
  by apply/andP; split; lra.
have [u [v [du [dv [[a b c e] sv h]]]]] := remainder_sharp lt1 qK.
have [sp|sn] := lerP 0 s.
  exists 2, u, (- v), du, (- dv); rewrite -opprD !oppr_eq0 !simNr sv (ger0_norm sp) !opprK; do 5 (split=> //).
  rewrite -/(Remainder.delta u (- v) du (- dv)) deltaN !normN -mostE.
  have -> : - sim (u + du) (v + dv) - s - - Remainder.delta u v du dv
      = - (sim (u + du) (v + dv) - sim u v - Remainder.delta u v du dv) by rewrite sv (ger0_norm sp); ring.
  rewrite normrN; apply: lt_le_trans (ler_norm _).
  by rewrite mulrA; exact: h.
exists 2, u, v, du, dv; rewrite sv ltr0_norm // opprK; do 5 (split=> //).
rewrite -(ltr0_norm sn) -mostE -/(Remainder.delta u v du dv); apply: lt_le_trans (ler_norm _).
by rewrite mulrA; move: h; rewrite sv opprK.
Qed.

Lemma most_ge0 s : 0 <= most s.
Proof. by rewrite /most /least mulr_ge0 ?half_ge0 // addr_ge0 ?half_ge0. Qed.
Lemma moved_best n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + most (sim u v) * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv hu' hv' he ha hb hdu hdv.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have ru : 0 <= norm du / norm u <= e * a by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have rv : 0 <= norm dv / norm v <= e * b by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have h1 := delta_sharp du dv hu hv; have h2 := remainder_abs hu' hv' hu hv.
have h3 : Remainder.delta u v du dv = Cosine.delta u v du dv by exact: deltaE.
rewrite h3 in h2.
have -> : sim (u + du) (v + dv) - sim u v
  = Cosine.delta u v du dv + (sim (u + du) (v + dv) - sim u v - Cosine.delta u v du dv) by ring.
apply: (le_trans (ler_normD _ _)); apply: lerD.
  apply: (le_trans h1); rewrite -mulrA ler_wpM2l ?sine_ge0 //; lra.
apply: (le_trans h2); rewrite -mulrA; apply: ler_wpM2l; first exact: most_ge0.
move: ru rv => /andP[r1 r2] /andP[r3 r4].
have k1 : (norm du / norm u) ^+ 2 <= (e * a) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
have k2 : (norm dv / norm v) ^+ 2 <= (e * b) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
rewrite !exprMn in k1 k2 *; lra.
Qed.

Theorem prop_1_explicit_holds : prop_1_explicit R.
Proof.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs r A B e he hM k1 k2 k3 k4.
rewrite !mulmxDr in k1 k2 k3 k4 *.
have m1 := moved_best h1 h2 k1 k2 he (stretch_ge0 W x1) (stretch_ge0 W x2) (lora_step h1 hM) (lora_step h2 hM).
have m2 := moved_best h1' h2' k3 k4 he (stretch_ge0 W' x1') (stretch_ge0 W' x2') (lora_step h1' hM) (lora_step h2' hM).
rewrite -hs in m2; rewrite -mostE; move: (most (sim (x1 *m W) (x2 *m W))) m1 m2 => t m1 m2.
move: (norm x1 / _) (norm x2 / _) (norm x1' / _) (norm x2' / _) m1 m2 => a b a' b'.
move: (sim (x1 *m W) _) (sine (x1 *m W) _) (sine (x1' *m W') _) (sim _ _) (sim _ (x2' *m W' + _)) => s p q S S' m1 m2.
have -> : S - S' = (S - s) - (S' - s) by ring.
apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD m1 m2)); lra.
Qed.
End HoldsRemainder.
