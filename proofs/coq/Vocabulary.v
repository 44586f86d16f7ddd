(* The words of the statements, over any real closed field: norms, cosines, singular values, angles, logarithms, means. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Vocabulary.
Variable R : rcfType.

(* rows *)
Definition dot n (u v : 'rV[R]_n) : R := \sum_i u 0 i * v 0 i.
Definition norm n (u : 'rV[R]_n) : R := Num.sqrt (dot u u).
Definition sim n (u v : 'rV[R]_n) : R := dot u v / (norm u * norm v).
Definition sine n (u v : 'rV[R]_n) : R := Num.sqrt (1 - sim u v ^+ 2).

(* how many entries of a row are below all others, or above all others *)
Definition below n (u : 'rV[R]_n) (i : 'I_n) := [forall j, (j != i) ==> (u 0 i < u 0 j)].
Definition outside n (u : 'rV[R]_n) : R := (\sum_i (below u i || below (- u) i))%:R.

(* matrices; a norm is at most a if it stretches no row by more, and equal to a if no smaller number will do *)
Definition spectral_le m n (M : 'M[R]_(m, n)) (a : R) := forall x : 'rV_m, norm (x *m M) <= a * norm x.
Definition spectral m n (M : 'M[R]_(m, n)) (a : R) :=
  [/\ 0 <= a, spectral_le M a & forall b, 0 <= b -> spectral_le M b -> a <= b].
Definition fro_sq m n (M : 'M[R]_(m, n)) : R := \sum_i \sum_j M i j ^+ 2.
Definition fro m n (M : 'M[R]_(m, n)) : R := Num.sqrt (fro_sq M).
Definition inner m n (M N : 'M[R]_(m, n)) : R := \tr (M *m N^T).

(* The singular values of a c x d matrix are min(c, d) stretches: of its rows, or of those of W^T if c > d. *)
Definition wide c d (P : forall m n, 'M[R]_(m, n) -> Prop) (W : 'M[R]_(c, d)) := if (c <= d)%N then P c d W else P d c W^T.
(* the smallest and the largest stretch of a row, both attained, and not zero *)
Definition extremes lo hi c d (W : 'M[R]_(c, d)) :=
  [/\ 0 < lo, forall x : 'rV_c, lo * norm x <= norm (x *m W) <= hi * norm x,
      exists2 x : 'rV_c, x != 0 & norm (x *m W) = lo * norm x
    & exists2 x : 'rV_c, x != 0 & norm (x *m W) = hi * norm x].
Definition cond c d (W : 'M[R]_(c, d)) (k : R) := exists2 s, wide (extremes s.1 s.2) W & k = s.2 / s.1.
(* the k-th smallest stretch: the least b such that all rows of some space of k dimensions are stretched by at most b
   (Courant and Fischer) *)
Definition stretched_le k b c d (W : 'M[R]_(c, d)) :=
  exists2 V : 'M[R]_(k, c), row_free V & forall x : 'rV_k, norm (x *m V *m W) <= b * norm (x *m V).
Definition singular k c d (W : 'M[R]_(c, d)) (a : R) :=
  [/\ 0 <= a, wide (stretched_le k a) W & forall b, 0 <= b -> wide (stretched_le k b) W -> a <= b].

(* Moore and Penrose's four equations *)
Definition pinv c d (W : 'M[R]_(c, d)) (P : 'M[R]_(d, c)) :=
  [/\ W *m P *m W = W, P *m W *m P = P, (W *m P)^T = W *m P & (P *m W)^T = P *m W].

(* artanh a - artanh b <= ln q; a = 1 only if b = 1 *)
Definition artanh_gap (a b q : R) := (1 + a) * (1 - b) <= q ^+ 2 * ((1 - a) * (1 + b)).
(* |artanh a - artanh b| <= ln q *)
Definition artanh_within (a b q : R) := artanh_gap a b q /\ artanh_gap b a q.

(* A law of rows x with E[x'x] = S is known by its expectations of quadratic forms, linear in their coefficients. *)
Definition quadratic Omega c d (x : Omega -> 'rV[R]_c) (D : 'I_c -> 'I_c -> 'I_d -> R) (w : Omega) : R :=
  \sum_k \sum_i \sum_j D i j k * (x w 0 i * x w 0 j).
Definition law Omega c (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (S : 'M[R]_c) :=
  [/\ forall f g, f =1 g -> E f = E g,
      forall d (D : 'I_c -> 'I_c -> 'I_d -> R),
        E (quadratic x D) = \sum_k \sum_i \sum_j D i j k * E (fun w => x w 0 i * x w 0 j)
    & forall i j, E (fun w => x w 0 i * x w 0 j) = S i j].
(* For functions that are not linear: a positive linear functional, on functions that have expectations. *)
Definition expectation Omega (E : (Omega -> R) -> R) (integrable : (Omega -> R) -> Prop) :=
  [/\ forall f g, integrable f -> integrable g -> (forall w, f w <= g w) -> E f <= E g,
      forall f g, integrable f -> integrable g -> integrable (fun w => f w + g w) /\
        E (fun w => f w + g w) = E f + E g
    & forall a f, integrable f -> integrable (fun w => a * f w) /\ E (fun w => a * f w) = a * E f].
(* the second-order term of the cosine, and the norm of its Hessian *)
Definition second_order n (u v du dv : 'rV[R]_n) (q : R) := exists l K e0 : R, 0 < e0 /\ forall t : R, `|t| <= e0 ->
  `|sim (u + t *: du) (v + t *: dv) - sim u v - t * l - t ^+ 2 * (q / 2)| <= K * `|t| ^+ 3.
Definition hessian_norm n (u v : 'rV[R]_n) (a : R) :=
  let bounds b := 0 <= b /\ forall du dv q, second_order u v du dv q -> `|q| <= b * (norm du ^+ 2 + norm dv ^+ 2) in
  bounds a /\ forall b, bounds b -> a <= b.
(* artanh a - artanh b = ln q, all finite, q > 1 *)
Definition artanh_apart (a b q : R) := [/\ -1 < a < 1, -1 < b < 1, 1 < q & (1 + a) * (1 - b) = q ^+ 2 * ((1 - a) * (1 + b))].

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
End Vocabulary.
