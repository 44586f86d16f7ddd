(* Where the bounds on the cosine are attained. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Attained.
Variable R : rcfType.

(* attained: du along v^ - s u^ and dv along u^ - s v^ *)
Definition steepest n (u v : 'rV[R]_n) := norm u *: (hat v - sim u v *: hat u).
Lemma steepest_norm n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> norm (steepest u v) = norm u * sine u v.
Proof.
move=> hu hv; rewrite /steepest normZ ger0_norm ?norm_ge0 //; congr (_ * _).
rewrite /sine [norm _]/norm; congr Num.sqrt.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; ring.
Qed.
Lemma steepest_dot n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  dot u (steepest u v) = 0 /\ dot v (steepest u v) = norm u * norm v * sine u v ^+ 2.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have eu : u = norm u *: hat u by rewrite /hat scalerA divff ?scale1r // gt_eqF.
have ev : v = norm v *: hat v by rewrite /hat scalerA divff ?scale1r // gt_eqF.
rewrite sine_sq // /steepest {1}eu {3}ev.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; split; ring.
Qed.
Theorem delta_attained n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  let du := steepest u v in let dv := steepest v u in
  delta u v du dv = sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv /=; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
rewrite !steepest_norm // (sineC u v).
have -> : sine u v * (norm u * sine u v / norm u + norm v * sine u v / norm v) = 2 * sine u v ^+ 2.
  by field; rewrite !gt_eqF.
have [a b] := steepest_dot hu hv; have [c d] := steepest_dot hv hu; rewrite sineC in d.
by rewrite /delta a c (dotC _ v) b d; field; rewrite !gt_eqF.
Qed.
End Attained.
