(* Further words of the statements: singular values, segments, angles, logarithms, and the real numbers among the fields. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Further.
Variable R : rcfType.

(* matrices: the k-th smallest stretch is the least b such that all rows of some space of k dimensions are stretched by
   at most b (Courant and Fischer) *)
Definition stretched_le k c d (W : 'M[R]_(c, d)) (b : R) :=
  exists2 V : 'M[R]_(k, c), row_free V & forall x : 'rV_k, norm (x *m V *m W) <= b * norm (x *m V).
Definition singular k c d (W : 'M[R]_(c, d)) (a : R) :=
  [/\ 0 <= a, stretched_le k W a & forall b, 0 <= b -> stretched_le k W b -> a <= b].
(* along u + t du, v + t dv for t in [0, 1]: the least norm, and the supremum of the norms of the Hessians *)
Definition segment n (u v du dv : 'rV[R]_n) (a : R) :=
  (forall t : R, 0 <= t <= 1 -> a <= Num.min (norm (u + t *: du)) (norm (v + t *: dv))) /\
  exists2 t : R, 0 <= t <= 1 & a = Num.min (norm (u + t *: du)) (norm (v + t *: dv)).
Definition sup_hessian_norm n (u v du dv : 'rV[R]_n) (a : R) :=
  let bounds b := 0 <= b /\ forall t p q r, 0 <= t <= 1 -> second_order (u + t *: du) (v + t *: dv) p q r ->
    `|r| <= b * (norm p ^+ 2 + norm q ^+ 2) in
  bounds a /\ forall b, bounds b -> a <= b.
(* the real numbers: what is bounded has a least upper bound *)
Definition complete := forall P : R -> Prop, (exists x, P x) -> (exists b, forall x, P x -> x <= b) ->
  exists2 a, (forall x, P x -> x <= a) & forall b, (forall x, P x -> x <= b) -> a <= b.
(* the logarithm is known by its equation and its tangent at 1 *)
Definition logarithm (ln : R -> R) :=
  (forall x y, 0 < x -> 0 < y -> ln (x * y) = ln x + ln y) /\ forall x, 0 < x -> ln x <= x - 1.
Definition artanh (ln : R -> R) (a : R) := (ln (1 + a) - ln (1 - a)) / 2.
(* cosine and sine by theirs, in whatever unit: pi is half a turn *)
Definition circular (cos sin : R -> R) (pi : R) :=
  [/\ 0 < pi /\ cos pi = -1, forall a, cos a ^+ 2 + sin a ^+ 2 = 1,
      (forall a b, cos (a + b) = cos a * cos b - sin a * sin b) /\ (forall a b, sin (a + b) = sin a * cos b + cos a * sin b),
      forall a b, 0 <= a -> a < b -> b <= pi -> cos b < cos a & forall a, 0 <= a <= pi -> 0 <= sin a].
Definition angle (cos : R -> R) (pi : R) n (u v : 'rV[R]_n) (a : R) := 0 <= a <= pi /\ cos a = sim u v.
Definition arcsin (sin : R -> R) (pi x a : R) := - (pi / 2) <= a <= pi / 2 /\ sin a = x.
End Further.
