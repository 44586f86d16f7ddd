(* prop-1-sharp: the bound, and for all values of its parameters an instance that needs all of it. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Output Plane Gradient Lora Mirrored Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsSharp.
Variable R : rcfType.

Theorem prop_1_sharp_holds : prop_1_sharp R.
Proof.
split=> [c d W W' x1 x2 x1' x2' n1 n2 n1' n2' _ h1 h2 h1' h2' hs|s cx a b a' b' hs hcx a0 b0 a0' b0'].
  have [K [e0 [he0 H]]] := lora_delta h1 h2 h1' h2' hs (fun e M e0 hM => gradient_data n1 n2 h1 h2 e0 hM erefl erefl)
    (fun e M e0 hM => gradient_data n1' n2' h1' h2' e0 hM erefl erefl).
  by exists K, e0; split=> // r A B e he hM; exact: H.
have [p [q [p0 q0 circle es]]] := half_angle hs.
have [W [x [z [[xW zW nx nz sxz] dl]]]] := of_data p0 q0 circle hcx a0 b0.
have [W' [x' [z' [[xW' zW' nx' nz' sxz'] dl']]]] := of_data p0 q0 circle hcx a0' b0'.
have [o1 o2 _ _] := @plane_nonzero R p q p0; have [l1 l2] := norm_y circle.
have [sy _] := plane_sim circle; rewrite es in sy dl dl'.
have sn : sine (y1 p q) (y2 p q) = 2 * p * q by exact: sine_y.
have nz0 (y : 'rV[R]_2) t : 0 < t -> norm y = t -> y != 0.
  by move=> t0 e; apply/eqP => y0; rewrite y0 /norm dot0l sqrtr0 in e; rewrite -e ltxx in t0.
have sn' : sine (- y1 p q) (- y2 p q) = 2 * p * q by rewrite /sine sim_negated.
have pq : 0 < 2 * p * q by rewrite !mulr_gt0.
have form (u v : R) : 0 < u -> 0 < v -> 0 < 2 * p * q * Num.sqrt ((u - v) ^+ 2
    + 2 * u * v * (1 - (cx * s - Num.sqrt (1 - cx ^+ 2) * (2 * p * q)))).
  move=> u0 v0; rewrite mulr_gt0 // sqrtr_gt0; apply: ltr_wpDl; first exact: sqr_ge0.
  rewrite !mulr_gt0 // subr_gt0; have hpq : 0 < Num.sqrt (1 - cx ^+ 2) * (2 * p * q).
    by rewrite mulr_gt0 // sqrtr_gt0; case/andP: hcx => *; nra.
  by case/andP: hs => *; case/andP: hcx => *; nra.
have sx : sine x z = Num.sqrt (1 - cx ^+ 2) by rewrite /sine sxz.
have sx' : sine x' z' = Num.sqrt (1 - cx ^+ 2) by rewrite /sine sxz'.
have [f1 f2] := (form a b a0 b0, form a' b' a0' b0').
exists 2, 2, W, (- W'), x, z, x', z'; rewrite !mulmxN xW zW xW' zW' !oppr_eq0 sim_negated !normN l1 l2 sxz sxz' sy nx nz nx' nz' !divr1.
rewrite (nz0 _ _ a0 nx) (nz0 _ _ b0 nz) (nz0 _ _ a0' nx') (nz0 _ _ b0' nz') o1 o2; do 16 (split=> //).
rewrite sn sn' sx sx' !mul1r; split; first exact: addr_gt0.
move=> C K e0 h0 H; apply: (@needs_all R 2 2 W (- W') (diag2 1 (-1)) x z x' z' _ _ C K e0);
  rewrite ?mulmxN ?xW ?zW ?xW' ?zW' ?oppr_eq0 ?sim_negated ?o1 ?o2 //; first exact: diag2_spectral.
by rewrite delta_negated // dl'.
Qed.
End HoldsSharp.
