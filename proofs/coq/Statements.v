(* What the claims state. Rendered from their formulas by `python -m proofs`: not to be edited. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Statements.
Variable R : rcfType.

Definition delta (d : nat) (du v u dv : 'rV[R]_d) : R := (dot du v + dot u dv) / (norm u * norm v) - (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv).
Definition remainder (d : nat) (u du v dv : 'rV[R]_d) : R := sim (u + du) (v + dv) - sim u v - delta du v u dv.
Definition c_minus (s : R) : R := Num.sqrt ((1 - s) / 2).
Definition c_plus (s : R) : R := Num.sqrt ((1 + s) / 2).
Definition c_larger (s : R) : R := Num.sqrt ((1 + `|s|) / 2).
Definition shorter (d : nat) (u v : 'rV[R]_d) : R := Num.min (norm u) (norm v).
Definition alpha (c d : nat) (x1 : 'rV[R]_c) (W : 'M[R]_(c, d)) : R := norm x1 / norm (x1 *m W).
Definition beta (c d : nat) (x2 : 'rV[R]_c) (W : 'M[R]_(c, d)) : R := norm x2 / norm (x2 *m W).
Definition cos_sum (c d : nat) (x1 x2 : 'rV[R]_c) (W : 'M[R]_(c, d)) : R := sim x1 x2 * sim (x1 *m W) (x2 *m W) - sine x1 x2 * sine (x1 *m W) (x2 *m W).
Definition turn (a2 a3 : R) : R := a2 + a3.
Definition mu (kappa epsilon : R) : R := (kappa + 1 / kappa) / 2 * epsilon + Num.sqrt (1 + (((kappa + 1 / kappa) / 2) ^+ 2 - 1) * epsilon ^+ 2).
Definition tau (epsilon : R) : R := 2 * epsilon / (1 + epsilon ^+ 2).
Definition ratio (k : nat) (e' e : 'rV[R]_k) : R := norm e' / norm e.

Definition lemma_1_expansion : Prop :=
  forall (d : nat) (u v : 'rV[R]_d),
    u != 0 ->
    v != 0 ->
    exists K e0 : R, 0 < e0 /\
    forall (du dv : 'rV[R]_d),
    norm du ^+ 2 + norm dv ^+ 2 <= e0 ->
    u + du != 0 ->
    v + dv != 0 ->
    `|remainder u du v dv| <= K * (norm du ^+ 2 + norm dv ^+ 2).

Definition lemma_1 : Prop :=
  (forall (d : nat) (u v du dv : 'rV[R]_d),
    u != 0 ->
    v != 0 ->
    `|delta du v u dv| <= (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v))
  /\
  (exists (d : nat) (u v du dv : 'rV[R]_d),
      u != 0 /\
      v != 0 /\
      `|delta du v u dv| = (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v) /\
      0 < (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v)).

Definition lemma_1_sharp : Prop :=
  (forall (d : nat) (u v du dv : 'rV[R]_d),
    u != 0 ->
    v != 0 ->
    `|delta du v u dv| <= sine u v * (norm du / norm u + norm dv / norm v))
  /\
  (forall s value1 value2 : R, -1 < s < 1 -> 0 < value1 -> 0 < value2 -> exists (d : nat) (u v du dv : 'rV[R]_d),
      u != 0 /\
      v != 0 /\
      sim u v = s /\
      norm du / norm u = value1 /\
      norm dv / norm v = value2 /\
      `|delta du v u dv| = sine u v * (norm du / norm u + norm dv / norm v) /\
      0 < sine u v * (norm du / norm u + norm dv / norm v)).

Definition lemma_1_remainder : Prop :=
  forall (d : nat) (u v du dv : 'rV[R]_d),
    u + du != 0 ->
    v + dv != 0 ->
    u != 0 ->
    v != 0 ->
    remainder u du v dv <= c_minus (sim u v) * (1 + c_minus (sim u v)) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2) /\
    - remainder u du v dv <= c_plus (sim u v) * (1 + c_plus (sim u v)) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2).

Definition lemma_1_remainder_best : Prop :=
  (forall (d : nat) (u v du dv : 'rV[R]_d),
    u + du != 0 ->
    v + dv != 0 ->
    u != 0 ->
    v != 0 ->
    `|remainder u du v dv| <= c_larger (sim u v) * (1 + c_larger (sim u v)) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2))
  /\
  (forall s q : R, -1 < s < 1 -> 0 < q < 1 -> exists (d : nat) (u v du dv : 'rV[R]_d),
      u != 0 /\
      v != 0 /\
      u + du != 0 /\
      v + dv != 0 /\
      sim u v = s /\
      q * (c_larger (sim u v) * (1 + c_larger (sim u v)) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2)) < `|remainder u du v dv|).

Definition lemma_1_angle : Prop :=
  forall (cos sin : R -> R) (pi : R), circular cos sin pi ->
  (forall (d : nat) (u v du dv : 'rV[R]_d) (a1 a2 a3 a4 : R),
    norm du <= norm u ->
    norm dv <= norm v ->
    u + du != 0 ->
    v + dv != 0 ->
    angle cos pi (u + du) (v + dv) a1 ->
    u != 0 ->
    v != 0 ->
    angle cos pi u v a2 ->
    arcsin sin pi (norm du / norm u) a3 ->
    arcsin sin pi (norm dv / norm v) a4 ->
    `|a1 - a2| <= a3 + a4)
  /\
  (exists (d : nat) (u v du dv : 'rV[R]_d) (a1 a2 a3 a4 : R),
      norm du <= norm u /\
      norm dv <= norm v /\
      u + du != 0 /\
      v + dv != 0 /\
      angle cos pi (u + du) (v + dv) a1 /\
      u != 0 /\
      v != 0 /\
      angle cos pi u v a2 /\
      arcsin sin pi (norm du / norm u) a3 /\
      arcsin sin pi (norm dv / norm v) a4 /\
      `|a1 - a2| = a3 + a4 /\
      0 < a3 + a4).

Definition lemma_2 : Prop :=
  forall (d : nat) (u v : 'rV[R]_d) (h1 : R),
    hessian_norm u v h1 ->
    u != 0 ->
    v != 0 ->
    h1 <= 12 * (1 + `|sim u v|) / shorter u v ^+ 2.

Definition lemma_2_sharp : Prop :=
  (forall (d : nat) (u v : 'rV[R]_d) (h1 : R),
    hessian_norm u v h1 ->
    u != 0 ->
    v != 0 ->
    h1 <= (1 + `|sim u v|) / shorter u v ^+ 2)
  /\
  (forall s value1 : R, -1 < s < 1 -> 0 < value1 -> exists (d : nat) (u v : 'rV[R]_d) (h1 : R),
      u != 0 /\
      v != 0 /\
      hessian_norm u v h1 /\
      sim u v = s /\
      Num.min (norm u) (norm v) = value1 /\
      h1 = (1 + `|sim u v|) / shorter u v ^+ 2 /\
      0 < (1 + `|sim u v|) / shorter u v ^+ 2).

Definition lemma_2_integral : Prop :=
  complete R ->
  (forall (d : nat) (u v du dv : 'rV[R]_d) (s1 s2 : R),
    segment u v du dv s1 ->
    0 < s1 ->
    u + du != 0 ->
    v + dv != 0 ->
    u != 0 ->
    v != 0 ->
    sup_hessian_norm u v du dv s2 ->
    `|remainder u du v dv| <= (1 / 2) * s2 * (norm du ^+ 2 + norm dv ^+ 2))
  /\
  (forall q : R, 0 < q < 1 -> exists (d : nat) (u v du dv : 'rV[R]_d) (s1 s2 : R),
      segment u v du dv s1 /\
      0 < s1 /\
      u + du != 0 /\
      v + dv != 0 /\
      u != 0 /\
      v != 0 /\
      sup_hessian_norm u v du dv s2 /\
      q * ((1 / 2) * s2 * (norm du ^+ 2 + norm dv ^+ 2)) < `|remainder u du v dv|).

Definition lemma_2_remainder : Prop :=
  complete R -> forall ln : R -> R, logarithm ln ->
  forall (d : nat) (u v du dv : 'rV[R]_d),
    norm du < norm u ->
    norm dv < norm v ->
    u + du != 0 ->
    v + dv != 0 ->
    u != 0 ->
    v != 0 ->
    `|remainder u du v dv| <= 2 * (- (norm du / norm u) - ln (1 - norm du / norm u) + (- (norm dv / norm v) - ln (1 - norm dv / norm v))).

Definition prop_1 : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= (1 + sim (x1 *m W) (x2 *m W)) * epsilon * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) + K * epsilon ^+ 2.

Definition prop_1_literal : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral (A *m B) s1 ->
    s1 ^+ 2 <= epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= (1 + sim (x1 *m W) (x2 *m W)) * epsilon * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) + K * epsilon ^+ 2.

Definition prop_1_frobenius : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    fro (A *m B) <= epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= (1 + sim (x1 *m W) (x2 *m W)) * epsilon * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) + K * epsilon ^+ 2.

Definition prop_1_main : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= (1 + sim (x1 *m W) (x2 *m W)) * epsilon * (norm x1 / norm (x1 *m W) + norm x2' / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) + K * epsilon ^+ 2.

Definition prop_1_abs : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= (1 + `|sim (x1 *m W) (x2 *m W)|) * epsilon * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) + K * epsilon ^+ 2.

Definition prop_1_sine : Prop :=
  (forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= epsilon * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) + K * epsilon ^+ 2)
  /\
  (exists (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      0 < 1 * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m (W + A *m B) != 0 ->
          x2 *m (W + A *m B) != 0 ->
          x1' *m (W' + A *m B) != 0 ->
          x2' *m (W' + A *m B) != 0 ->
          `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= C * epsilon + K * epsilon ^+ 2) ->
        1 * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) <= C).

Definition prop_1_sharp : Prop :=
  (forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= epsilon * (sine (x1 *m W) (x2 *m W) * Num.sqrt ((alpha x1 W - beta x2 W) ^+ 2 + 2 * alpha x1 W * beta x2 W * (1 - cos_sum x1 x2 W)) + sine (x1' *m W') (x2' *m W') * Num.sqrt ((alpha x1' W' - beta x2' W') ^+ 2 + 2 * alpha x1' W' * beta x2' W' * (1 - cos_sum x1' x2' W'))) + K * epsilon ^+ 2)
  /\
  (forall s value1 value2 value3 value4 value5 : R, -1 < s < 1 -> -1 < value1 < 1 -> 0 < value2 -> 0 < value3 -> 0 < value4 -> 0 < value5 -> exists (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      sim (x1 *m W) (x2 *m W) = s /\
      sim x1 x2 = value1 /\
      norm x1 / norm (x1 *m W) = value2 /\
      norm x2 / norm (x2 *m W) = value3 /\
      norm x1' / norm (x1' *m W') = value4 /\
      norm x2' / norm (x2' *m W') = value5 /\
      0 < 1 * (sine (x1 *m W) (x2 *m W) * Num.sqrt ((alpha x1 W - beta x2 W) ^+ 2 + 2 * alpha x1 W * beta x2 W * (1 - cos_sum x1 x2 W)) + sine (x1' *m W') (x2' *m W') * Num.sqrt ((alpha x1' W' - beta x2' W') ^+ 2 + 2 * alpha x1' W' * beta x2' W' * (1 - cos_sum x1' x2' W'))) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m (W + A *m B) != 0 ->
          x2 *m (W + A *m B) != 0 ->
          x1' *m (W' + A *m B) != 0 ->
          x2' *m (W' + A *m B) != 0 ->
          `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= C * epsilon + K * epsilon ^+ 2) ->
        1 * (sine (x1 *m W) (x2 *m W) * Num.sqrt ((alpha x1 W - beta x2 W) ^+ 2 + 2 * alpha x1 W * beta x2 W * (1 - cos_sum x1 x2 W)) + sine (x1' *m W') (x2' *m W') * Num.sqrt ((alpha x1' W' - beta x2' W') ^+ 2 + 2 * alpha x1' W' * beta x2' W' * (1 - cos_sum x1' x2' W'))) <= C).

Definition prop_1_weights : Prop :=
  (forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c) (s1 s2 s3 s4 : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    \rank (W)%R = c ->
    \rank (W')%R = c ->
    singular 1 W s1 ->
    singular 2 W s2 ->
    singular 1 W' s3 ->
    singular 2 W' s4 ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= epsilon * (sine (x1 *m W) (x2 *m W) ^+ 2 * (1 / s1 + 1 / s2) + sine (x1' *m W') (x2' *m W') ^+ 2 * (1 / s3 + 1 / s4)) + K * epsilon ^+ 2)
  /\
  (forall s value1 value2 value3 value4 : R, -1 < s < 1 -> 0 < value1 -> 0 < value2 -> value1 <= value2 -> 0 < value3 -> 0 < value4 -> value3 <= value4 -> exists (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c) (s1 s2 s3 s4 : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      \rank (W)%R = c /\
      \rank (W')%R = c /\
      singular 1 W s1 /\
      singular 2 W s2 /\
      singular 1 W' s3 /\
      singular 2 W' s4 /\
      sim (x1 *m W) (x2 *m W) = s /\
      s1 = value1 /\
      s2 = value2 /\
      s3 = value3 /\
      s4 = value4 /\
      0 < 1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (1 / s1 + 1 / s2) + sine (x1' *m W') (x2' *m W') ^+ 2 * (1 / s3 + 1 / s4)) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m (W + A *m B) != 0 ->
          x2 *m (W + A *m B) != 0 ->
          x1' *m (W' + A *m B) != 0 ->
          x2' *m (W' + A *m B) != 0 ->
          `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= C * epsilon + K * epsilon ^+ 2) ->
        1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (1 / s1 + 1 / s2) + sine (x1' *m W') (x2' *m W') ^+ 2 * (1 / s3 + 1 / s4)) <= C).

Definition prop_1_explicit : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= epsilon * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) + c_larger (sim (x1 *m W) (x2 *m W)) * (1 + c_larger (sim (x1 *m W) (x2 *m W))) * epsilon ^+ 2 * ((norm x1 / norm (x1 *m W)) ^+ 2 + (norm x2 / norm (x2 *m W)) ^+ 2 + (norm x1' / norm (x1' *m W')) ^+ 2 + (norm x2' / norm (x2' *m W')) ^+ 2).

Definition prop_1_finite : Prop :=
  forall (cos sin : R -> R) (pi : R), circular cos sin pi ->
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c) (theta0 theta0' : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    angle cos pi (x1 *m W) (x2 *m W) theta0 ->
    angle cos pi (x1' *m W') (x2' *m W') theta0' ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon a2 a3 a5 a6 : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon * norm x1 <= norm (x1 *m W) ->
    epsilon * norm x2 <= norm (x2 *m W) ->
    epsilon * norm x1' <= norm (x1' *m W') ->
    epsilon * norm x2' <= norm (x2' *m W') ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    arcsin sin pi (epsilon * (norm x1 / norm (x1 *m W))) a2 ->
    arcsin sin pi (epsilon * (norm x2 / norm (x2 *m W))) a3 ->
    arcsin sin pi (epsilon * (norm x1' / norm (x1' *m W'))) a5 ->
    arcsin sin pi (epsilon * (norm x2' / norm (x2' *m W'))) a6 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= Num.max (cos (Num.max (theta0 - turn a2 a3) 0) - cos theta0 + (cos theta0' - cos (Num.min pi (theta0' + turn a5 a6)))) (cos (Num.max (theta0' - turn a5 a6) 0) - cos theta0' + (cos theta0 - cos (Num.min pi (theta0 + turn a2 a3)))).

Definition prop_1_segment : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    (r < c)%N ->
    (r < d)%N ->
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    segment (x1 *m W) (x2 *m W) (x1 *m (A *m B)) (x2 *m (A *m B)) s1 ->
    Num.min (Num.min (norm (x1 *m W)) (norm (x2 *m W))) (Num.min (norm (x1 *m (W + A *m B))) (norm (x2 *m (W + A *m B)))) <= s1.

Definition prop_1_segment_small : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    segment (x1 *m W) (x2 *m W) (x1 *m (A *m B)) (x2 *m (A *m B)) s1 ->
    Num.min (norm (x1 *m W) - epsilon * norm x1) (norm (x2 *m W) - epsilon * norm x2) <= s1.

Definition remark_a1 : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon * norm x1 < norm (x1 *m W) ->
    epsilon * norm x2 < norm (x2 *m W) ->
    epsilon * norm x1' < norm (x1' *m W') ->
    epsilon * norm x2' < norm (x2' *m W') ->
    x1 *m (W + A *m B) != 0 ->
    x2 *m (W + A *m B) != 0 ->
    x1' *m (W' + A *m B) != 0 ->
    x2' *m (W' + A *m B) != 0 ->
    `|sim (x1 *m (W + A *m B)) (x2 *m (W + A *m B)) - sim (x1' *m (W' + A *m B)) (x2' *m (W' + A *m B))| <= epsilon * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) + 2 * epsilon ^+ 2 * ((norm x1 ^+ 2 + norm x2 ^+ 2) / Num.min (norm (x1 *m W) - epsilon * norm x1) (norm (x2 *m W) - epsilon * norm x2) ^+ 2 + (norm x1' ^+ 2 + norm x2' ^+ 2) / Num.min (norm (x1' *m W') - epsilon * norm x1') (norm (x2' *m W') - epsilon * norm x2') ^+ 2).

Definition remark_a1_displayed : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon s1 s2 : R),
    (r < c)%N ->
    (r < d)%N ->
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    segment (x1 *m W) (x2 *m W) (x1 *m (A *m B)) (x2 *m (A *m B)) s1 ->
    segment (x1 *m W) (x2 *m W) (x1 *m (- (A *m B))) (x2 *m (- (A *m B))) s2 ->
    s1 = s2.

Definition prop_2_input : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral_le (A *m B) epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_input_literal : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon s1 : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral (A *m B) s1 ->
    s1 ^+ 2 <= epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_input_frobenius : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    fro (A *m B) <= epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_input_abs : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < c)%N ->
    spectral_le (A *m B) epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= 4 * (1 + `|sim (x1 *m W) (x2 *m W)|) * epsilon + K * epsilon ^+ 2.

Definition prop_2_output : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    spectral_le (A *m B) epsilon ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_output_literal : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    spectral (A *m B) s1 ->
    s1 ^+ 2 <= epsilon ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_output_frobenius : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    (r < d)%N ->
    fro (A *m B) <= epsilon ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= 4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon + K * epsilon ^+ 2.

Definition prop_2_output_abs : Prop :=
  forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= 4 * (1 + `|sim (x1 *m W) (x2 *m W)|) * epsilon + K * epsilon ^+ 2.

Definition prop_2_input_sharp : Prop :=
  (forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    \rank (W)%R = c ->
    \rank (W')%R = c ->
    cond W kappa ->
    cond W' kappa' ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= epsilon * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) + K * epsilon ^+ 2)
  /\
  (forall s k : R, -1 < s < 1 -> 1 <= k -> exists (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      \rank (W)%R = c /\
      \rank (W')%R = c /\
      cond W kappa /\
      cond W' kappa' /\
      sim (x1 *m W) (x2 *m W) = s /\
      kappa = k /\
      kappa' = k /\
      0 < 1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m (1%:M + A *m B) *m W != 0 ->
          x2 *m (1%:M + A *m B) *m W != 0 ->
          x1' *m (1%:M + A *m B) *m W' != 0 ->
          x2' *m (1%:M + A *m B) *m W' != 0 ->
          `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= C * epsilon + K * epsilon ^+ 2) ->
        1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) <= C).

Definition prop_2_input_vectors : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (s1 s2 : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    spectral W s1 ->
    spectral W' s2 ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= epsilon * (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W)) * s1 + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')) * s2) + K * epsilon ^+ 2.

Definition prop_2_input_sharp_two : Prop :=
  (forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    \rank (W)%R = c ->
    \rank (W')%R = c ->
    cond W kappa ->
    cond W' kappa' ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= epsilon * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) + K * epsilon ^+ 2)
  /\
  (forall s k k' : R, -1 < s < 1 -> 1 <= k -> 1 <= k' -> exists (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      \rank (W)%R = c /\
      \rank (W')%R = c /\
      cond W kappa /\
      cond W' kappa' /\
      sim (x1 *m W) (x2 *m W) = s /\
      kappa = k /\
      kappa' = k' /\
      0 < 1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m (1%:M + A *m B) *m W != 0 ->
          x2 *m (1%:M + A *m B) *m W != 0 ->
          x1' *m (1%:M + A *m B) *m W' != 0 ->
          x2' *m (1%:M + A *m B) *m W' != 0 ->
          `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= C * epsilon + K * epsilon ^+ 2) ->
        1 * (sine (x1 *m W) (x2 *m W) ^+ 2 * (kappa + 1 / kappa) + sine (x1' *m W') (x2' *m W') ^+ 2 * (kappa' + 1 / kappa')) <= C).

Definition prop_2_input_finite : Prop :=
  complete R -> forall ln : R -> R, logarithm ln ->
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    \rank (W)%R = c ->
    \rank (W')%R = c ->
    0 < Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W')) ->
    cond W kappa ->
    cond W' kappa' ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon < 1 ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|artanh ln (sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W)) - artanh ln (sim (x1 *m W) (x2 *m W))| <= - ((kappa + 1 / kappa) * ln (1 - epsilon)) /\
    `|artanh ln (sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')) - artanh ln (sim (x1' *m W') (x2' *m W'))| <= - ((kappa' + 1 / kappa') * ln (1 - epsilon)).

Definition prop_2_input_finite_sharp : Prop :=
  (forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa kappa' : R),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    \rank (W)%R = c ->
    \rank (W')%R = c ->
    0 < Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W')) ->
    cond W kappa ->
    cond W' kappa' ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon < 1 ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    artanh_within (sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W)) (sim (x1 *m W) (x2 *m W)) (mu kappa epsilon ^+ 2 / (1 - epsilon ^+ 2)) /\
    artanh_within (sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')) (sim (x1' *m W') (x2' *m W')) (mu kappa' epsilon ^+ 2 / (1 - epsilon ^+ 2)))
  /\
  (forall s k value2 : R, -1 < s < 1 -> 1 <= k -> 0 < value2 < 1 -> exists (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c) (kappa : R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      \rank (W)%R = c /\
      \rank (W')%R = c /\
      0 < Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W')) /\
      cond W kappa /\
      0 <= epsilon /\
      spectral_le (A *m B) epsilon /\
      epsilon < 1 /\
      x1 *m (1%:M + A *m B) *m W != 0 /\
      x2 *m (1%:M + A *m B) *m W != 0 /\
      sim (x1 *m W) (x2 *m W) = s /\
      kappa = k /\
      epsilon = value2 /\
      artanh_apart (sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W)) (sim (x1 *m W) (x2 *m W)) (mu kappa epsilon ^+ 2 / (1 - epsilon ^+ 2))).

Definition prop_2_output_artanh : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    0 < Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W')) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (c1 : R),
    \rank (1%:M + A *m B)%R = d ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    cond (1%:M + A *m B) c1 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    artanh_within (sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B))) (sim (x1 *m W) (x2 *m W)) c1 /\
    artanh_within (sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))) (sim (x1' *m W') (x2' *m W')) c1)
  /\
  (forall s value1 : R, -1 < s < 1 -> 1 < value1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (c1 : R),
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      0 < Num.min (sine (x1 *m W) (x2 *m W)) (sine (x1' *m W') (x2' *m W')) /\
      \rank (1%:M + A *m B)%R = d /\
      cond (1%:M + A *m B) c1 /\
      x1 *m W *m (1%:M + A *m B) != 0 /\
      x2 *m W *m (1%:M + A *m B) != 0 /\
      sim (x1 *m W) (x2 *m W) = s /\
      c1 = value1 /\
      artanh_apart (sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B))) (sim (x1 *m W) (x2 *m W)) c1).

Definition prop_2_output_finite : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon < 1 ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= Num.max (tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 + tau epsilon * sim (x1 *m W) (x2 *m W)) + tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 - tau epsilon * sim (x1' *m W') (x2' *m W'))) (tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 + tau epsilon * sim (x1' *m W') (x2' *m W')) + tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 - tau epsilon * sim (x1 *m W) (x2 *m W))))
  /\
  (forall s value1 : R, -1 < s < 1 -> 0 < value1 < 1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      0 <= epsilon /\
      spectral_le (A *m B) epsilon /\
      epsilon < 1 /\
      x1 *m W *m (1%:M + A *m B) != 0 /\
      x2 *m W *m (1%:M + A *m B) != 0 /\
      x1' *m W' *m (1%:M + A *m B) != 0 /\
      x2' *m W' *m (1%:M + A *m B) != 0 /\
      sim (x1 *m W) (x2 *m W) = s /\
      epsilon = value1 /\
      `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| = Num.max (tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 + tau epsilon * sim (x1 *m W) (x2 *m W)) + tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 - tau epsilon * sim (x1' *m W') (x2' *m W'))) (tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 + tau epsilon * sim (x1' *m W') (x2' *m W')) + tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 - tau epsilon * sim (x1 *m W) (x2 *m W))) /\
      0 < Num.max (tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 + tau epsilon * sim (x1 *m W) (x2 *m W)) + tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 - tau epsilon * sim (x1' *m W') (x2' *m W'))) (tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 + tau epsilon * sim (x1' *m W') (x2' *m W')) + tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 - tau epsilon * sim (x1 *m W) (x2 *m W)))).

Definition prop_2_output_sharp : Prop :=
  (forall (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    exists K e0 : R, 0 < e0 /\
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    0 < epsilon <= e0 ->
    spectral_le (A *m B) epsilon ->
    x1 *m W *m (1%:M + A *m B) != 0 ->
    x2 *m W *m (1%:M + A *m B) != 0 ->
    x1' *m W' *m (1%:M + A *m B) != 0 ->
    x2' *m W' *m (1%:M + A *m B) != 0 ->
    `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= 2 * epsilon * (sine (x1 *m W) (x2 *m W) ^+ 2 + sine (x1' *m W') (x2' *m W') ^+ 2) + K * epsilon ^+ 3)
  /\
  (forall s : R, -1 < s < 1 -> exists (b c d : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(b, d)) (x1 x2 : 'rV[R]_c) (x1' x2' : 'rV[R]_b),
      x1 != 0 /\
      x2 != 0 /\
      x1' != 0 /\
      x2' != 0 /\
      sim x1 x2 = sim x1' x2' /\
      x1 *m W != 0 /\
      x2 *m W != 0 /\
      x1' *m W' != 0 /\
      x2' *m W' != 0 /\
      sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') /\
      sim (x1 *m W) (x2 *m W) = s /\
      0 < 2 * 1 * (sine (x1 *m W) (x2 *m W) ^+ 2 + sine (x1' *m W') (x2' *m W') ^+ 2) /\
      forall C K e0 : R, 0 < e0 ->
        (forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon : R),
          0 < epsilon <= e0 ->
          spectral_le (A *m B) epsilon ->
          x1 *m W *m (1%:M + A *m B) != 0 ->
          x2 *m W *m (1%:M + A *m B) != 0 ->
          x1' *m W' *m (1%:M + A *m B) != 0 ->
          x2' *m W' *m (1%:M + A *m B) != 0 ->
          `|sim (x1 *m W *m (1%:M + A *m B)) (x2 *m W *m (1%:M + A *m B)) - sim (x1' *m W' *m (1%:M + A *m B)) (x2' *m W' *m (1%:M + A *m B))| <= C * epsilon + K * epsilon ^+ 2) ->
        2 * 1 * (sine (x1 *m W) (x2 *m W) ^+ 2 + sine (x1' *m W') (x2' *m W') ^+ 2) <= C).

Definition lemma_3 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (epsilon : R),
    0 <= epsilon ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) <= sigma ^+ 2 * epsilon)
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (epsilon : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      0 <= epsilon /\
      fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon /\
      E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = sigma ^+ 2 * epsilon /\
      0 < sigma ^+ 2 * epsilon).

Definition lemma_3_exact : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = sigma ^+ 2 * fro (W1 *m W2 - W1' *m W2') ^+ 2.

Definition prop_3 : Prop :=
  (forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)) (epsilon s1 : R),
    0 <= epsilon ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (A *m B) s1 ->
    E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2) <= sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W2 - W2')) ^+ 2)
  /\
  (exists (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)) (epsilon s1 : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      0 <= epsilon /\
      fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon /\
      spectral (A *m B) s1 /\
      E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2) = sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W2 - W2')) ^+ 2 /\
      0 < sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W2 - W2')) ^+ 2).

Definition prop_3_exact : Prop :=
  forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, h)),
    E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2) = sigma ^+ 2 * fro (W1 *m W2 - W1' *m W2' + A *m B *m (W2 - W2')) ^+ 2.

Definition prop_3_second : Prop :=
  (forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    0 <= epsilon ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (A *m B) s1 ->
    E (fun w => norm (x w *m W1 *m (W2 + A *m B) - x w *m W1' *m (W2' + A *m B)) ^+ 2) <= sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W1 - W1')) ^+ 2)
  /\
  (exists (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      0 <= epsilon /\
      fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon /\
      spectral (A *m B) s1 /\
      E (fun w => norm (x w *m W1 *m (W2 + A *m B) - x w *m W1' *m (W2' + A *m B)) ^+ 2) = sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W1 - W1')) ^+ 2 /\
      0 < sigma ^+ 2 * (Num.sqrt epsilon + s1 * fro (W1 - W1')) ^+ 2).

Definition prop_4 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon s1 : R),
    0 <= epsilon ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) <= sigma ^+ 2 * s1 ^+ 2 * epsilon)
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon s1 : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      0 <= epsilon /\
      fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon /\
      spectral (1%:M + A *m B) s1 /\
      E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) = sigma ^+ 2 * s1 ^+ 2 * epsilon /\
      0 < sigma ^+ 2 * s1 ^+ 2 * epsilon).

Definition prop_4_exact : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) = sigma ^+ 2 * fro ((1%:M + A *m B) *m (W1 *m W2 - W1' *m W2')) ^+ 2.

Definition prop_5 : Prop :=
  (forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
    0 <= epsilon ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) <= sigma ^+ 2 * s1 ^+ 2 * epsilon)
  /\
  (exists (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (epsilon s1 : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      0 <= epsilon /\
      fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon /\
      spectral (1%:M + A *m B) s1 /\
      E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) = sigma ^+ 2 * s1 ^+ 2 * epsilon /\
      0 < sigma ^+ 2 * s1 ^+ 2 * epsilon).

Definition prop_5_exact : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)),
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) = sigma ^+ 2 * fro ((W1 *m W2 - W1' *m W2') *m (1%:M + A *m B)) ^+ 2.

Definition prop_4_interior : Prop :=
  forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, h)) (epsilon s1 : R),
    (r < h)%N ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m W1 *m (1%:M + A *m B) *m W2 - x w *m W1' *m (1%:M + A *m B) *m W2') ^+ 2) <= sigma ^+ 2 * s1 ^+ 2 * epsilon.

Definition prop_4_interior_layers : Prop :=
  (forall (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (s2 s3 : R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    spectral W2 s2 ->
    spectral W1' s3 ->
    forall (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, h)) (s1 : R),
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m W1 *m (1%:M + A *m B) *m W2 - x w *m W1' *m (1%:M + A *m B) *m W2') ^+ 2) <= (sigma * s1 * (fro (W1 - W1') * s2 + s3 * fro (W2 - W2'))) ^+ 2)
  /\
  (exists (c d h : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, h)) (W2' : 'M[R]_(h, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R) (s2 s3 : R) (r : nat) (A : 'M[R]_(h, r)) (B : 'M[R]_(r, h)) (s1 : R),
      0 < sigma /\
      law x E ((sigma ^+ 2)%:M) /\
      spectral W2 s2 /\
      spectral W1' s3 /\
      spectral (1%:M + A *m B) s1 /\
      E (fun w => norm (x w *m W1 *m (1%:M + A *m B) *m W2 - x w *m W1' *m (1%:M + A *m B) *m W2') ^+ 2) = (sigma * s1 * (fro (W1 - W1') * s2 + s3 * fro (W2 - W2'))) ^+ 2 /\
      0 < (sigma * s1 * (fro (W1 - W1') * s2 + s3 * fro (W2 - W2'))) ^+ 2).

Definition prop_4_every_layer : Prop :=
  forall (c d : nat) (W1 : 'M[R]_(c, c)) (W2 : 'M[R]_(c, d)) (W1' : 'M[R]_(c, c)) (W2' : 'M[R]_(c, d)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon s1 : R),
    (r < c)%N ->
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m (1%:M + A *m B) *m W2 - x w *m (1%:M + A *m B) *m W1' *m (1%:M + A *m B) *m W2') ^+ 2) <= sigma ^+ 2 * s1 ^+ 4 * epsilon.

Definition prop_4_anisotropic : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (F : 'M[R]_(c, c)) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    \rank (F)%R = c ->
    law x E (F^T *m F) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (s1 : R),
    (r < c)%N ->
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) <= s1 ^+ 2 * E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2).

Definition prop_4_whitened : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (F : 'M[R]_(c, c)) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    \rank (F)%R = c ->
    law x E (F^T *m F) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (s1 : R),
    spectral (F *m (1%:M + A *m B) *m invmx F) s1 ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) <= s1 ^+ 2 * E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2).

Definition prop_5_anisotropic : Prop :=
  forall (c d h k : nat) (W1 : 'M[R]_(c, h)) (W2 : 'M[R]_(h, d)) (W1' : 'M[R]_(c, k)) (W2' : 'M[R]_(k, d)) (F : 'M[R]_(c, c)) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    \rank (F)%R = c ->
    law x E (F^T *m F) ->
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (s1 : R),
    spectral (1%:M + A *m B) s1 ->
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) <= s1 ^+ 2 * E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2).

Definition depth_two_parts_0 : Prop :=
  forall (c d e f n : nat) (x : 'M[R]_(n, c)) (W1 : 'M[R]_(c, d)) (W2 : 'M[R]_(d, e)) (w3 : 'M[R]_(e, f)) (v1 : 'M[R]_(c, d)) (v2 : 'M[R]_(d, e)) (v3 : 'M[R]_(e, f)) (q1 : 'M[R]_(d, d)) (q2 : 'M[R]_(e, e)) (t : 'M[R]_(c, c)),
    q1 *m trmx q1 = 1%:M ->
    q2 *m trmx q2 = 1%:M ->
    x *m t *m W1 *m W2 *m w3 - x *m t *m v1 *m v2 *m v3 = x *m t *m (W1 *m q1 - v1) *m (trmx q1 *m W2 *m q2) *m (trmx q2 *m w3) + x *m t *m v1 *m (trmx q1 *m W2 *m q2 - v2) *m (trmx q2 *m w3) + x *m t *m v1 *m v2 *m (trmx q2 *m w3 - v3).

Definition depth_two_parts_1 : Prop :=
  forall (c d e f n : nat) (x : 'M[R]_(n, c)) (W1 : 'M[R]_(c, d)) (W2 : 'M[R]_(d, e)) (w3 : 'M[R]_(e, f)) (v1 : 'M[R]_(c, d)) (v2 : 'M[R]_(d, e)) (v3 : 'M[R]_(e, f)) (q1 : 'M[R]_(d, d)) (q2 : 'M[R]_(e, e)) (t : 'M[R]_(d, d)),
    q2 *m trmx q2 = 1%:M ->
    x *m W1 *m t *m W2 *m w3 - x *m v1 *m t *m v2 *m v3 = x *m W1 *m (t - q1 *m t *m trmx q1) *m W2 *m w3 + x *m (W1 *m q1 - v1) *m t *m (trmx q1 *m W2 *m q2) *m (trmx q2 *m w3) + x *m v1 *m t *m (trmx q1 *m W2 *m q2 - v2) *m (trmx q2 *m w3) + x *m v1 *m t *m v2 *m (trmx q2 *m w3 - v3).

Definition depth_two_parts_2 : Prop :=
  forall (c d e f n : nat) (x : 'M[R]_(n, c)) (W1 : 'M[R]_(c, d)) (W2 : 'M[R]_(d, e)) (w3 : 'M[R]_(e, f)) (v1 : 'M[R]_(c, d)) (v2 : 'M[R]_(d, e)) (v3 : 'M[R]_(e, f)) (q1 : 'M[R]_(d, d)) (q2 t : 'M[R]_(e, e)),
    q1 *m trmx q1 = 1%:M ->
    x *m W1 *m W2 *m t *m w3 - x *m v1 *m v2 *m t *m v3 = x *m W1 *m W2 *m (t - q2 *m t *m trmx q2) *m w3 + x *m (W1 *m q1 - v1) *m (trmx q1 *m W2 *m q2) *m t *m (trmx q2 *m w3) + x *m v1 *m (trmx q1 *m W2 *m q2 - v2) *m t *m (trmx q2 *m w3) + x *m v1 *m v2 *m t *m (trmx q2 *m w3 - v3).

Definition depth_two_parts_3 : Prop :=
  forall (c d e f n : nat) (x : 'M[R]_(n, c)) (W1 : 'M[R]_(c, d)) (W2 : 'M[R]_(d, e)) (w3 : 'M[R]_(e, f)) (v1 : 'M[R]_(c, d)) (v2 : 'M[R]_(d, e)) (v3 : 'M[R]_(e, f)) (q1 : 'M[R]_(d, d)) (q2 : 'M[R]_(e, e)) (t : 'M[R]_(f, f)),
    q1 *m trmx q1 = 1%:M ->
    q2 *m trmx q2 = 1%:M ->
    x *m W1 *m W2 *m w3 *m t - x *m v1 *m v2 *m v3 *m t = x *m (W1 *m q1 - v1) *m (trmx q1 *m W2 *m q2) *m (trmx q2 *m w3) *m t + x *m v1 *m (trmx q1 *m W2 *m q2 - v2) *m (trmx q2 *m w3) *m t + x *m v1 *m v2 *m (trmx q2 *m w3 - v3) *m t.

Definition eq_2_3_4 : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (a : 'M[R]_(c, r)) (b : 'M[R]_(r, d)) (a1 : 'M[R]_(c, r)) (b1 : 'M[R]_(r, c)) (a2 : 'M[R]_(d, r)) (b2 : 'M[R]_(r, d)),
    (x + x *m a1 *m b1) *m W = x *m (1%:M + a1 *m b1) *m W /\
    x *m W + x *m W *m a2 *m b2 = x *m W *m (1%:M + a2 *m b2) /\
    x *m (W + a *m b) = x *m W + x *m a *m b.

Definition eq_5 : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    W *m p1 = 1%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)),
    x *m (W + A *m B) = x *m W *m (1%:M + p1 *m (A *m B)).

Definition eq_5_scope : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)),
    (r < c)%N ->
    (r < d)%N ->
    x *m (W + A *m B) = x *m W *m (1%:M + p1 *m (A *m B)).

Definition eq_5_row_rank : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)),
    x *m (W + A *m B) - x *m W *m (1%:M + p1 *m (A *m B)) = x *m (1%:M - W *m p1) *m (A *m B).

Definition eq_5_column_rank : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    p1 *m W = 1%:M ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)),
    x *m (W + A *m B) = x *m (1%:M + A *m B *m p1) *m W.

Definition eq_5_rank : Prop :=
  forall (c d r : nat) (W : 'M[R]_(c, d)) (a : 'M[R]_(c, r)) (b : 'M[R]_(r, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    (\rank (p1 *m (a *m b))%R <= r)%N.

Definition eq_5_size : Prop :=
  (forall (c d : nat) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)) (s3 : R),
    pinv W p1 ->
    W *m p1 = 1%:M ->
    singular 1 W s3 ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (s2 : R),
    spectral (A *m B) s2 ->
    spectral_le (p1 *m (A *m B)) (s2 / s3))
  /\
  (exists (c d : nat) (W : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)) (s4 : R) (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (s2 s3 : R),
      pinv W p1 /\
      W *m p1 = 1%:M /\
      singular 1 W s4 /\
      spectral (p1 *m (A *m B)) s2 /\
      spectral (A *m B) s3 /\
      s2 = s3 / s4 /\
      0 < s3 / s4).

Definition eq_6_rank_input : Prop :=
  forall (c d r s : nat) (W : 'M[R]_(c, d)) (a1 : 'M[R]_(c, r)) (b1 : 'M[R]_(r, c)) (a2 : 'M[R]_(c, s)) (b2 : 'M[R]_(s, d)),
    (\rank ((1%:M + a1 *m b1) *m W + a2 *m b2 - W)%R <= (r + s)%N)%N.

Definition eq_6_rank_output : Prop :=
  forall (c d r s : nat) (W : 'M[R]_(c, d)) (a1 : 'M[R]_(d, r)) (b1 : 'M[R]_(r, d)) (a2 : 'M[R]_(c, s)) (b2 : 'M[R]_(s, d)),
    (\rank (W *m (1%:M + a1 *m b1) + a2 *m b2 - W)%R <= (r + s)%N)%N.

Definition eq_6_same_set : Prop :=
  forall (c r s : nat) (W : 'M[R]_(c, c)) (a1 : 'M[R]_(c, r)) (b1 : 'M[R]_(r, c)) (a2 : 'M[R]_(c, s)) (b2 : 'M[R]_(s, c)),
    \rank (W)%R = c ->
    (1%:M + a1 *m (b1 *m invmx W)) *m W + a2 *m b2 = W + a1 *m b1 + a2 *m b2 /\
    W *m (1%:M + invmx W *m a1 *m b1) + a2 *m b2 = W + a1 *m b1 + a2 *m b2.

Definition eq_6_exchanged : Prop :=
  forall (c d r s : nat) (W W' : 'M[R]_(c, d)) (a1 : 'M[R]_(c, r)) (b1 : 'M[R]_(r, c)) (a2 : 'M[R]_(c, s)) (b2 : 'M[R]_(s, d)),
    (1%:M + a1 *m b1) *m W' + a2 *m b2 - W' - ((1%:M + a1 *m b1) *m W + a2 *m b2 - W) = a1 *m b1 *m (W' - W).

Definition independent_input : Prop :=
  forall (c d e : nat) (W : 'M[R]_(c, d)) (W' : 'M[R]_(c, e)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon : R),
    (r < c)%N ->
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    epsilon < 1 ->
    x1 *m (1%:M + A *m B) *m W != 0 ->
    x2 *m (1%:M + A *m B) *m W != 0 ->
    x1' *m (1%:M + A *m B) *m W' != 0 ->
    x2' *m (1%:M + A *m B) *m W' != 0 ->
    `|sim (x1 *m (1%:M + A *m B) *m W) (x2 *m (1%:M + A *m B) *m W) - sim (x1' *m (1%:M + A *m B) *m W') (x2' *m (1%:M + A *m B) *m W')| <= Num.max (tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 + tau epsilon * sim (x1 *m W) (x2 *m W)) + tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 - tau epsilon * sim (x1' *m W') (x2' *m W'))) (tau epsilon * sine (x1' *m W') (x2' *m W') ^+ 2 / (1 + tau epsilon * sim (x1' *m W') (x2' *m W')) + tau epsilon * sine (x1 *m W) (x2 *m W) ^+ 2 / (1 - tau epsilon * sim (x1 *m W) (x2 *m W))).

Definition bounds_rank : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 x1' x2' : 'rV[R]_c),
    x1 != 0 ->
    x2 != 0 ->
    x1' != 0 ->
    x2' != 0 ->
    sim x1 x2 = sim x1' x2' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1' *m W' != 0 ->
    x2' *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)) (epsilon : R),
    (r < c)%N ->
    (r < d)%N ->
    0 <= epsilon ->
    spectral_le (A *m B) epsilon ->
    4 * (1 + sim (x1 *m W) (x2 *m W)) * epsilon <= (1 + sim (x1 *m W) (x2 *m W)) * epsilon * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W) + norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W')).

Definition stronger_requirement : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 : 'rV[R]_c),
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1 *m W' != 0 ->
    x2 *m W' != 0 ->
    forall (epsilon : R),
    0 < epsilon ->
    fro (W - W') ^+ 2 <= epsilon ->
    sim (x1 *m W) (x2 *m W) = sim (x1 *m W') (x2 *m W').

Definition stronger_requirement_equal : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (x1 x2 : 'rV[R]_c),
    W = W' ->
    x1 *m W != 0 ->
    x2 *m W != 0 ->
    x1 *m W' != 0 ->
    x2 *m W' != 0 ->
    sim (x1 *m W) (x2 *m W) = sim (x1 *m W') (x2 *m W').

Definition broader_class : Prop :=
  forall (c r : nat) (W : 'M[R]_(c, c)) (a : 'M[R]_(c, r)) (b : 'M[R]_(r, c)),
    \rank (W)%R = c ->
    (1%:M + a *m (b *m invmx W)) *m W = W + a *m b /\
    W *m (1%:M + invmx W *m a *m b) = W + a *m b.

Definition reach_input : Prop :=
  forall (c d r : nat) (W : 'M[R]_(c, d)) (a : 'M[R]_(c, r)) (b : 'M[R]_(r, c)),
    (\rank ((1%:M + a *m b) *m W - W)%R <= r)%N.

Definition reach_output : Prop :=
  forall (c d r : nat) (W : 'M[R]_(c, d)) (a : 'M[R]_(d, r)) (b : 'M[R]_(r, d)),
    (\rank (W *m (1%:M + a *m b) - W)%R <= r)%N.

Definition narrower_class : Prop :=
  forall (c d : nat) (W : 'M[R]_(c, d)) (m : 'M[R]_(c, c)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    m *m W *m (p1 *m W) = m *m W.

Definition narrower_class_lora : Prop :=
  forall (c d : nat) (W m : 'M[R]_(c, d)) (p1 : 'M[R]_(d, c)),
    pinv W p1 ->
    m *m (p1 *m W) = m.

Definition any_phi : Prop :=
  forall (c : nat) (p q : 'rV[R]_c),
    norm p = 1 ->
    norm q = 1 ->
    1%:M - trmx p *m p = 1%:M - trmx q *m q.

Definition any_phi_weaker : Prop :=
  forall (c d r : nat) (W : 'M[R]_(c, d)) (a : 'M[R]_(c, r)) (b : 'M[R]_(r, c)) (m : 'M[R]_(d, d)),
    (1%:M - a *m b + a *m b) *m W = W /\
    W *m (1%:M - m + m) = W.

Definition lora_x_capacity : Prop :=
  forall (c d r : R),
    0 < c ->
    0 < d ->
    0 < r ->
    r * (c + d - r) - r ^+ 2 = r * (c - r) + r * (d - r).

Definition absorption_linear : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (bias : 'M[R]_(n, d)),
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    x *m (1%:M + A *m B) *m W + bias = x *m ((1%:M + A *m B) *m W) + bias.

Definition absorption_linear_output : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (bias : 'M[R]_(n, d)),
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)),
    (x *m W + bias) *m (1%:M + A *m B) = x *m (W *m (1%:M + A *m B)) + bias *m (1%:M + A *m B).

Definition absorption_convolution : Prop :=
  forall (f1 f3 g1 g3 : R),
    0 < f1 ->
    0 < f3 ->
    0 < g1 ->
    0 < g3 ->
    f3 * g3 = 0 /\
    f1 * g1 = 0.

Definition absorption_channel_mix : Prop :=
  forall (c d k n : nat) (x : 'M[R]_(n, c)) (s1 s2 s3 : 'M[R]_(k, n)) (k1 k2 k3 : 'M[R]_(c, d)) (m : 'M[R]_(c, c)) (t : 'M[R]_(d, d)),
    s1 *m (x *m m) *m k1 + s2 *m (x *m m) *m k2 + s3 *m (x *m m) *m k3 = s1 *m x *m (m *m k1) + s2 *m x *m (m *m k2) + s3 *m x *m (m *m k3) /\
    (s1 *m x *m k1 + s2 *m x *m k2 + s3 *m x *m k3) *m t = s1 *m x *m (k1 *m t) + s2 *m x *m (k2 *m t) + s3 *m x *m (k3 *m t).

Definition overhead : Prop :=
  forall (n c d r : R),
    0 < n ->
    0 < c ->
    0 < d ->
    0 < r ->
    c = d ->
    n * (c * d + 2 * r * c) = n * (c * d + r * (c + d)) /\
    n * (c * d + 2 * r * d) = n * (c * d + r * (c + d)) /\
    2 * r * c = r * (c + d) /\
    2 * r * d = r * (c + d).

Definition overhead_merging : Prop :=
  forall (c d r : R),
    0 < c ->
    0 < d ->
    0 < r ->
    c = d ->
    2 * r * c * d <= r * c * d /\
    2 * r * c * d <= r * c * d.

Definition overhead_training : Prop :=
  forall (n c d r : R),
    0 < n ->
    0 < c ->
    0 < d ->
    0 < r ->
    c = d ->
    n * c * d + 3 * n * r * c <= n * r * (c + 2 * d) /\
    3 * n * r * d <= n * r * (c + 2 * d).

Definition overhead_training_inside : Prop :=
  forall (n c d r : R),
    0 < n ->
    0 < c ->
    0 < d ->
    0 < r ->
    c = d ->
    n * c * d + 4 * n * r * c = n * c * d + n * r * (2 * c + 2 * d) /\
    n * c * d + 4 * n * r * d = n * c * d + n * r * (2 * c + 2 * d).

Definition transfer_input : Prop :=
  forall (c : nat) (W1 W2 W1' W2' : 'M[R]_(c, c)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    (r < c)%N ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) <= E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2).

Definition transfer_output : Prop :=
  forall (c : nat) (W1 W2 W1' W2' : 'M[R]_(c, c)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    (r < c)%N ->
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) <= E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2).

Definition transfer_same_function : Prop :=
  forall (c : nat) (W1 W2 W1' W2' : 'M[R]_(c, c)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    W1 *m W2 = W1' *m W2' ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) = 0 /\
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) = 0 /\
    E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2) = sigma ^+ 2 * fro (A *m B *m (W2 - W2')) ^+ 2.

Definition transfer_sufficient : Prop :=
  forall (c : nat) (W1 W2 W1' W2' : 'M[R]_(c, c)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_c) (E : (Omega -> R) -> R),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)) (epsilon s1 : R),
    fro (W1 *m W2 - W1' *m W2') ^+ 2 <= epsilon ->
    spectral (1%:M + A *m B) s1 ->
    (s1 + 1) * Num.sqrt epsilon <= fro (A *m B *m (W2 - W2')) ->
    E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2) <= E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2) /\
    E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2) <= E (fun w => norm (x w *m (W1 + A *m B) *m W2 - x w *m (W1' + A *m B) *m W2') ^+ 2).

Definition transfer_single_layer : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)),
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, d)),
    W + A *m B - (W' + A *m B) = W - W'.

Definition transfer_single_layer_input : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)),
    forall (r : nat) (A : 'M[R]_(c, r)) (B : 'M[R]_(r, c)),
    (1%:M + A *m B) *m W - (1%:M + A *m B) *m W' = (1%:M + A *m B) *m (W - W').

Definition transfer_single_layer_output : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)),
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)),
    W *m (1%:M + A *m B) - W' *m (1%:M + A *m B) = (W - W') *m (1%:M + A *m B).

Definition nonlinear_output : Prop :=
  forall (d n : nat) (f f' : 'M[R]_(n, d)),
    forall (r : nat) (A : 'M[R]_(d, r)) (B : 'M[R]_(r, d)) (s1 : R),
    spectral (1%:M + A *m B) s1 ->
    fro (f *m (1%:M + A *m B) - f' *m (1%:M + A *m B)) ^+ 2 <= s1 ^+ 2 * fro (f - f') ^+ 2.

Definition nonlinear_input_lipschitz : Prop :=
  (forall (c d n : nat) (g h : 'M[R]_(n, d)) (xab : 'M[R]_(n, c)) (lip : R),
    0 < lip ->
    fro (h - g) <= lip * fro xab ->
    fro h ^+ 2 <= 2 * fro g ^+ 2 + 2 * (lip * fro xab) ^+ 2)
  /\
  (exists (c d n : nat) (g h : 'M[R]_(n, d)) (xab : 'M[R]_(n, c)) (lip : R),
      0 < lip /\
      fro (h - g) <= lip * fro xab /\
      fro h ^+ 2 = 2 * fro g ^+ 2 + 2 * (lip * fro xab) ^+ 2 /\
      0 < 2 * fro g ^+ 2 + 2 * (lip * fro xab) ^+ 2).

Definition attention_heads : Prop :=
  forall (c d e h : nat) (q : 'M[R]_(c, h)) (k : 'M[R]_(h, c)) (v : 'M[R]_(c, e)) (o : 'M[R]_(e, d)) (r : 'M[R]_(h, h)) (s : 'M[R]_(e, e)) (iq ik iv : 'M[R]_(c, c)) (oo : 'M[R]_(d, d)),
    \rank (r)%R = h ->
    \rank (s)%R = e ->
    (1%:M + iq) *m (q *m r) *m (invmx r *m k) = (1%:M + iq) *m q *m k /\
    q *m r *m (invmx r *m k *m (1%:M + ik)) = q *m (k *m (1%:M + ik)) /\
    (1%:M + iv) *m (v *m s) *m (invmx s *m o) = (1%:M + iv) *m v *m o /\
    v *m s *m (invmx s *m o *m (1%:M + oo)) = v *m (o *m (1%:M + oo)).

Definition attention_heads_others : Prop :=
  forall (c d e h : nat) (q : 'M[R]_(c, h)) (k : 'M[R]_(h, c)) (v : 'M[R]_(c, e)) (o : 'M[R]_(e, d)) (r : 'M[R]_(h, h)) (s : 'M[R]_(e, e)) (lq : 'M[R]_(c, h)) (lk : 'M[R]_(h, c)) (lv : 'M[R]_(c, e)) (lo : 'M[R]_(e, d)) (io : 'M[R]_(e, e)) (oq ok : 'M[R]_(h, h)) (ov : 'M[R]_(e, e)),
    \rank (r)%R = h ->
    \rank (s)%R = e ->
    Num.min (Num.min (Num.min (Num.min (Num.min (Num.min (Num.min (fro ((q *m r + lq) *m (invmx r *m k) - (q + lq) *m k)) (fro (q *m r *m (invmx r *m k + lk) - q *m (k + lk)))) (fro ((v *m s + lv) *m (invmx s *m o) - (v + lv) *m o))) (fro (v *m s *m (invmx s *m o + lo) - v *m (o + lo)))) (fro (v *m s *m ((1%:M + io) *m (invmx s *m o)) - v *m ((1%:M + io) *m o)))) (fro (q *m r *m (1%:M + oq) *m (invmx r *m k) - q *m (1%:M + oq) *m k))) (fro (q *m r *m ((1%:M + ok) *m (invmx r *m k)) - q *m ((1%:M + ok) *m k)))) (fro (v *m s *m (1%:M + ov) *m (invmx s *m o) - v *m (1%:M + ov) *m o)) = 0.

Definition attention_residual : Prop :=
  forall (c e h : nat) (q : 'M[R]_(c, h)) (k : 'M[R]_(h, c)) (v : 'M[R]_(c, e)) (o : 'M[R]_(e, c)) (r : 'M[R]_(c, c)) (oq ok : 'M[R]_(h, h)) (ov io : 'M[R]_(e, e)),
    r *m trmx r = 1%:M ->
    r *m (trmx r *m q *m (1%:M + oq)) *m (k *m r) *m trmx r = q *m (1%:M + oq) *m k /\
    r *m (trmx r *m q) *m ((1%:M + ok) *m (k *m r)) *m trmx r = q *m ((1%:M + ok) *m k) /\
    r *m (trmx r *m v *m (1%:M + ov)) *m (o *m r) *m trmx r = v *m (1%:M + ov) *m o /\
    r *m (trmx r *m v) *m ((1%:M + io) *m (o *m r)) *m trmx r = v *m ((1%:M + io) *m o).

Definition attention_residual_others : Prop :=
  forall (c e h : nat) (q : 'M[R]_(c, h)) (k : 'M[R]_(h, c)) (v : 'M[R]_(c, e)) (o : 'M[R]_(e, c)) (r : 'M[R]_(c, c)) (lq : 'M[R]_(c, h)) (lk : 'M[R]_(h, c)) (lv : 'M[R]_(c, e)) (lo : 'M[R]_(e, c)) (iq ik iv oo : 'M[R]_(c, c)),
    r *m trmx r = 1%:M ->
    Num.min (Num.min (Num.min (Num.min (Num.min (Num.min (Num.min (fro (r *m (trmx r *m q + lq) *m (k *m r) *m trmx r - (q + lq) *m k)) (fro (r *m (trmx r *m q) *m (k *m r + lk) *m trmx r - q *m (k + lk)))) (fro (r *m (trmx r *m v + lv) *m (o *m r) *m trmx r - (v + lv) *m o))) (fro (r *m (trmx r *m v) *m (o *m r + lo) *m trmx r - v *m (o + lo)))) (fro (r *m ((1%:M + iq) *m (trmx r *m q)) *m (k *m r) *m trmx r - (1%:M + iq) *m q *m k))) (fro (r *m (trmx r *m q) *m (k *m r *m (1%:M + ik)) *m trmx r - q *m (k *m (1%:M + ik))))) (fro (r *m ((1%:M + iv) *m (trmx r *m v)) *m (o *m r) *m trmx r - (1%:M + iv) *m v *m o))) (fro (r *m (trmx r *m v) *m (o *m r *m (1%:M + oo)) *m trmx r - v *m (o *m (1%:M + oo)))) = 0.

Definition effect_retained : Prop :=
  (forall (k : nat) (g h e e' : 'rV[R]_k),
    dot g e = norm e ^+ 2 ->
    e != 0 ->
    e' != 0 ->
    `|(norm (g + h) ^+ 2 - norm (g + h - e') ^+ 2) / (norm g ^+ 2 - norm (g - e) ^+ 2) - (2 * sim e e' * ratio e' e - ratio e' e ^+ 2 + 2 * dot h e' / norm e ^+ 2)| <= 2 * ratio e' e * sine e e' * (norm (g - e) / norm e))
  /\
  (forall s value1 value2 : R, -1 < s < 1 -> 0 < value1 -> 0 < value2 -> exists (k : nat) (g h e e' : 'rV[R]_k),
      dot g e = norm e ^+ 2 /\
      e != 0 /\
      e' != 0 /\
      sim e e' = s /\
      norm e' / norm e = value1 /\
      norm (g - e) / norm e = value2 /\
      `|(norm (g + h) ^+ 2 - norm (g + h - e') ^+ 2) / (norm g ^+ 2 - norm (g - e) ^+ 2) - (2 * sim e e' * ratio e' e - ratio e' e ^+ 2 + 2 * dot h e' / norm e ^+ 2)| = 2 * ratio e' e * sine e e' * (norm (g - e) / norm e) /\
      0 < 2 * ratio e' e * sine e e' * (norm (g - e) / norm e)).

Definition effect_best_strength : Prop :=
  forall (k : nat) (e e' : 'rV[R]_k),
    e != 0 ->
    e' != 0 ->
    (norm e ^+ 2 - norm (e - e') ^+ 2) / (norm e ^+ 2 - norm (e - e) ^+ 2) <= sim e e' ^+ 2 /\
    (norm e ^+ 2 - norm (e - dot e e' / norm e' ^+ 2 *: e') ^+ 2) / (norm e ^+ 2 - norm (e - e) ^+ 2) = sim e e' ^+ 2.

Definition effect_read_write : Prop :=
  forall (n o p q s t : nat) (r : 'M[R]_(n, p)) (r' : 'M[R]_(n, q)) (j : 'M[R]_(s, o)) (j' : 'M[R]_(t, o)) (m : 'M[R]_(p, s)) (l : 'M[R]_(q, t)),
    inner (r *m m *m j) (r' *m l *m j') = inner (trmx r *m r' *m l *m (j' *m trmx j)) m.

Definition effect_rank_one : Prop :=
  forall (n o p s : nat) (r r' : 'M[R]_(n, p)) (j j' : 'M[R]_(s, o)) (u : 'rV[R]_p) (v : 'rV[R]_s),
    u *m trmx r != 0 ->
    u *m trmx r' != 0 ->
    v *m j != 0 ->
    v *m j' != 0 ->
    inner (r *m (trmx u *m v) *m j) (r' *m (trmx u *m v) *m j') / (fro (r *m (trmx u *m v) *m j) * fro (r' *m (trmx u *m v) *m j')) = sim (u *m trmx r) (u *m trmx r') * sim (v *m j) (v *m j') /\
    fro (r' *m (trmx u *m v) *m j') / fro (r *m (trmx u *m v) *m j) = norm (u *m trmx r') / norm (u *m trmx r) * (norm (v *m j') / norm (v *m j)).

Definition effect_lora_or_input : Prop :=
  forall (c d o : nat) (z : 'rV[R]_c) (W W' : 'M[R]_(c, d)) (j : 'M[R]_(d, o)) (m : 'M[R]_(c, c)) (e : 'rV[R]_o),
    norm (z *m m *m W' *m j - e) ^+ 2 = norm (z *m (m *m W) *m j - e) ^+ 2 + norm (z *m m *m (W' - W) *m j) ^+ 2 - 2 * dot (e - z *m (m *m W) *m j) (z *m m *m (W' - W) *m j).

Definition effect_lora_or_output : Prop :=
  forall (c d o : nat) (z : 'rV[R]_c) (W W' : 'M[R]_(c, d)) (j : 'M[R]_(d, o)) (m : 'M[R]_(d, d)) (e : 'rV[R]_o),
    norm (z *m W' *m m *m j - e) ^+ 2 = norm (z *m (W *m m) *m j - e) ^+ 2 + norm (z *m (W' - W) *m m *m j) ^+ 2 - 2 * dot (e - z *m (W *m m) *m j) (z *m (W' - W) *m m *m j).

Definition effect_same_layer : Prop :=
  forall (c d n o : nat) (z : 'M[R]_(n, c)) (m : 'M[R]_(c, c)) (W W' : 'M[R]_(c, d)) (h : 'M[R]_(d, d)) (j : 'M[R]_(d, o)),
    W = W' ->
    z *m m *m W' *m j = z *m (m *m W) *m j /\
    z *m W' *m h *m j = z *m (W *m h) *m j.

Definition effect_independent_change : Prop :=
  forall (c d o : nat) (z : 'rV[R]_c) (W : 'M[R]_(c, d)) (j : 'M[R]_(d, o)) (m : 'M[R]_(c, c)) (h : 'M[R]_(c, d)) (e : 'rV[R]_o),
    (norm (z *m m *m (W + h) *m j - e) ^+ 2 + norm (z *m m *m (W - h) *m j - e) ^+ 2) / 2 = norm (z *m (m *m W) *m j - e) ^+ 2 + norm (z *m m *m h *m j) ^+ 2.

Definition effect_scale_gauge : Prop :=
  forall (c d n o : nat) (z : 'M[R]_(n, c)) (m : 'M[R]_(c, c)) (W h : 'M[R]_(c, d)) (j : 'M[R]_(d, o)) (s : R),
    0 < s ->
    z *m m *m (s *: W) *m (1 / s *: j) = z *m m *m W *m j /\
    z *m h *m (1 / s *: j) = 1 / s *: (z *m h *m j).

Definition effect_filter_input : Prop :=
  (forall (c d o : nat) (f : 'M[R]_(c, c)) (W : 'M[R]_(c, d)) (h : 'M[R]_(d, o)) (m : 'M[R]_(c, c)) (s1 : R),
    \rank (f)%R = c ->
    spectral (f *m m *m invmx f) s1 ->
    fro (f *m m *m W *m h) <= s1 * fro (f *m W *m h))
  /\
  (forall value0 value1 : R, 0 < value0 -> 0 < value1 -> exists (c d o : nat) (f : 'M[R]_(c, c)) (W : 'M[R]_(c, d)) (h : 'M[R]_(d, o)) (m : 'M[R]_(c, c)) (s1 : R),
      \rank (f)%R = c /\
      spectral (f *m m *m invmx f) s1 /\
      s1 = value0 /\
      fro (f *m W *m h) = value1 /\
      fro (f *m m *m W *m h) = s1 * fro (f *m W *m h) /\
      0 < s1 * fro (f *m W *m h)).

Definition effect_filter_output : Prop :=
  (forall (c d n : nat) (h : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (f m : 'M[R]_(d, d)) (s1 : R),
    \rank (f)%R = d ->
    spectral (invmx f *m m *m f) s1 ->
    fro (h *m W *m m *m f) <= fro (h *m W *m f) * s1)
  /\
  (forall value0 value1 : R, 0 < value0 -> 0 < value1 -> exists (c d n : nat) (h : 'M[R]_(n, c)) (W : 'M[R]_(c, d)) (f m : 'M[R]_(d, d)) (s1 : R),
      \rank (f)%R = d /\
      spectral (invmx f *m m *m f) s1 /\
      s1 = value0 /\
      fro (h *m W *m f) = value1 /\
      fro (h *m W *m m *m f) = fro (h *m W *m f) * s1 /\
      0 < fro (h *m W *m f) * s1).

Definition effect_filter_lora : Prop :=
  (forall (c o : nat) (f W : 'M[R]_(c, c)) (h : 'M[R]_(c, o)) (m : 'M[R]_(c, c)) (s1 : R),
    \rank (f *m W)%R = c ->
    spectral (f *m m *m invmx (f *m W)) s1 ->
    fro (f *m m *m h) <= s1 * fro (f *m W *m h))
  /\
  (forall value0 value1 : R, 0 < value0 -> 0 < value1 -> exists (c o : nat) (f W : 'M[R]_(c, c)) (h : 'M[R]_(c, o)) (m : 'M[R]_(c, c)) (s1 : R),
      \rank (f *m W)%R = c /\
      spectral (f *m m *m invmx (f *m W)) s1 /\
      s1 = value0 /\
      fro (f *m W *m h) = value1 /\
      fro (f *m m *m h) = s1 * fro (f *m W *m h) /\
      0 < s1 * fro (f *m W *m h)).

Definition effect_best : Prop :=
  forall (n o p q s t : nat) (r : 'M[R]_(n, p)) (r' : 'M[R]_(n, q)) (m : 'M[R]_(p, s)) (j : 'M[R]_(s, o)) (j' : 'M[R]_(t, o)) (x : 'M[R]_(q, t)) (p1 : 'M[R]_(q, q)) (p2 : 'M[R]_(t, t)),
    pinv (trmx r' *m r') p1 ->
    pinv (j' *m trmx j') p2 ->
    fro (r' *m (p1 *m (trmx r' *m r) *m m *m (j *m trmx j' *m p2)) *m j' - r *m m *m j) <= fro (r' *m x *m j' - r *m m *m j) /\
    fro (r' *m (p1 *m (trmx r' *m r) *m m *m (j *m trmx j' *m p2)) *m j' - r *m m *m j) ^+ 2 = fro (r *m m *m j) ^+ 2 - fro (r' *m (p1 *m (trmx r' *m r) *m m *m (j *m trmx j' *m p2)) *m j') ^+ 2 /\
    (\rank (p1 *m (trmx r' *m r) *m m *m (j *m trmx j' *m p2))%R <= \rank (m)%R)%N.

Definition effect_gauge : Prop :=
  forall (n o p s : nat) (r : 'M[R]_(n, p)) (a : 'M[R]_(p, p)) (m : 'M[R]_(p, s)) (b : 'M[R]_(s, s)) (j : 'M[R]_(s, o)),
    \rank (a)%R = p ->
    \rank (b)%R = s ->
    r *m a *m (invmx a *m m *m invmx b) *m (b *m j) = r *m m *m j.

Definition effect_telescope : Prop :=
  (forall (n o : nat) (e0 e1 e2 e3 : 'M[R]_(n, o)),
    fro (e3 - e0) <= fro (e1 - e0) + fro (e2 - e1) + fro (e3 - e2))
  /\
  (exists (n o : nat) (e0 e1 e2 e3 : 'M[R]_(n, o)),
      fro (e3 - e0) = fro (e1 - e0) + fro (e2 - e1) + fro (e3 - e2) /\
      0 < fro (e1 - e0) + fro (e2 - e1) + fro (e3 - e2)).

Definition effect_own_layer : Prop :=
  forall (c d h k : nat) (W1 W1' : 'M[R]_(c, h)) (m W : 'M[R]_(h, k)) (W2 W2' : 'M[R]_(k, d)),
    W1 *m W *m W2 = W1' *m W *m W2' ->
    fro (W1' *m m *m W2' - W1 *m m *m W2) ^+ 2 <= fro (W1 *m m *m W2) ^+ 2.

Definition effect_discrepancy : Prop :=
  forall (c d : nat) (W W' : 'M[R]_(c, d)) (m : 'M[R]_(c, c)),
    fro ((1%:M + m) *m W - (1%:M + m) *m W') <= fro (W + m *m W - (W' + m *m W)) ->
    (2 * inner (m *m W) (m *m W) - fro (m *m W) ^+ 2) / fro (m *m W) ^+ 2 <= (2 * inner (m *m W) (m *m W') - fro (m *m W') ^+ 2) / fro (m *m W) ^+ 2.

Definition effect_every_law : Prop :=
  (forall (c d n : nat) (l l' : 'M[R]_(c, d)) (f : 'M[R]_(n, c)) (p1 : 'M[R]_(d, c)) (s2 : R),
    pinv l p1 ->
    l *m p1 *m (l' - l) = l' - l ->
    spectral (p1 *m (l' - l)) s2 ->
    fro (f *m (l' - l)) <= s2 * fro (f *m l))
  /\
  (forall value0 value1 : R, 0 < value0 -> 0 < value1 -> exists (c d n : nat) (l l' : 'M[R]_(c, d)) (f : 'M[R]_(n, c)) (p1 : 'M[R]_(d, c)) (s2 : R),
      pinv l p1 /\
      l *m p1 *m (l' - l) = l' - l /\
      spectral (p1 *m (l' - l)) s2 /\
      s2 = value0 /\
      fro (f *m l) = value1 /\
      fro (f *m (l' - l)) = s2 * fro (f *m l) /\
      0 < s2 * fro (f *m l)).

Definition effect_least_loss : Prop :=
  (forall (c d n r : nat) (g : 'M[R]_(c, r)) (h : 'M[R]_(r, d)) (l' : 'M[R]_(c, d)) (f : 'M[R]_(n, c)) (p1 : 'M[R]_(r, c)) (s2 : R),
    h *m trmx h = 1%:M ->
    pinv g p1 ->
    g *m p1 *m (l' - g *m h) = l' - g *m h ->
    singular 1 (p1 *m (l' - g *m h)) s2 ->
    0 < s2 ->
    fro (f *m (g *m h)) <= fro (f *m (l' - g *m h)) / s2)
  /\
  (forall value0 value1 : R, 0 < value0 -> 0 < value1 -> exists (c d n r : nat) (g : 'M[R]_(c, r)) (h : 'M[R]_(r, d)) (l' : 'M[R]_(c, d)) (f : 'M[R]_(n, c)) (p1 : 'M[R]_(r, c)) (s2 : R),
      h *m trmx h = 1%:M /\
      pinv g p1 /\
      g *m p1 *m (l' - g *m h) = l' - g *m h /\
      singular 1 (p1 *m (l' - g *m h)) s2 /\
      0 < s2 /\
      s2 = value0 /\
      fro (f *m (l' - g *m h)) = value1 /\
      fro (f *m (g *m h)) = fro (f *m (l' - g *m h)) / s2 /\
      0 < fro (f *m (l' - g *m h)) / s2).

Definition effect_weights_only : Prop :=
  forall (c d : nat) (l l' : 'M[R]_(c, d)) (u v : 'rV[R]_c) (s t : R) (p1 : 'M[R]_(d, c)),
    0 < s ->
    0 < t ->
    pinv l p1 ->
    l *m p1 *m (l' - l) = l' - l ->
    u *m l *m (p1 *m (l' - l)) *m trmx (p1 *m (l' - l)) = s ^+ 2 *: (u *m l) ->
    norm (u *m (l' - l)) = s * norm (u *m l) /\
    (norm (v *m (l' - l)) ^+ 2 - t ^+ 2 * norm (v *m l) ^+ 2) * norm (u *m (l' - l)) ^+ 2 + (t ^+ 2 * norm (u *m l) ^+ 2 - norm (u *m (l' - l)) ^+ 2) * norm (v *m (l' - l)) ^+ 2 = t ^+ 2 * ((norm (v *m (l' - l)) ^+ 2 - t ^+ 2 * norm (v *m l) ^+ 2) * norm (u *m l) ^+ 2 + (t ^+ 2 * norm (u *m l) ^+ 2 - norm (u *m (l' - l)) ^+ 2) * norm (v *m l) ^+ 2).

Definition effect_isometry : Prop :=
  forall (c d n : nat) (l l' : 'M[R]_(c, d)) (f : 'M[R]_(n, c)) (t : R) (p1 : 'M[R]_(d, c)),
    0 < t ->
    pinv l p1 ->
    l *m p1 *m (l' - l) = l' - l ->
    1 / t ^+ 2 *: (p1 *m (l' - l) *m trmx (p1 *m (l' - l))) = 1%:M ->
    fro (f *m (l' - l)) = t * fro (f *m l).

Definition effect_unbounded : Prop :=
  forall (c d : nat) (l l' : 'M[R]_(c, d)) (u v : 'rV[R]_c) (t : R),
    0 < t ->
    norm (v *m l) = 0 ->
    norm ((v + t *: u) *m l) = t * norm (u *m l) /\
    norm (v *m l') - t * norm (u *m (l' - l)) <= norm ((v + t *: u) *m (l' - l)).

Definition two_way_normal : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)) (p o s : 'M[R]_(c, d)) (l : R),
    0 < l ->
    trmx x *m x *m p + p *m (trmx k *m k) + l *: p = trmx x *m u + trmx h *m k + l *: s ->
    fro (x *m o - u) ^+ 2 + fro (k *m trmx o - h) ^+ 2 + l * fro (o - s) ^+ 2 = fro (x *m p - u) ^+ 2 + fro (k *m trmx p - h) ^+ 2 + l * fro (p - s) ^+ 2 + (fro (x *m (o - p)) ^+ 2 + fro (k *m trmx (o - p)) ^+ 2 + l * fro (o - p) ^+ 2) /\
    fro (x *m p - u) ^+ 2 + fro (k *m trmx p - h) ^+ 2 + l * fro (p - s) ^+ 2 <= fro (x *m o - u) ^+ 2 + fro (k *m trmx o - h) ^+ 2 + l * fro (o - s) ^+ 2.

Definition two_way_unique : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)) (p o : 'M[R]_(c, d)),
    \rank (trmx x *m x)%R = c ->
    trmx x *m x *m p + p *m (trmx k *m k) = trmx x *m u + trmx h *m k ->
    trmx x *m x *m o + o *m (trmx k *m k) = trmx x *m u + trmx h *m k ->
    o = p.

Definition two_way_exact : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)) (p o : 'M[R]_(c, d)),
    \rank (trmx x *m x)%R = c ->
    u = x *m p ->
    h = k *m trmx p ->
    trmx x *m x *m o + o *m (trmx k *m k) = trmx x *m u + trmx h *m k ->
    o = p.

Definition two_way_open : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)) (p m : 'M[R]_(c, d)) (p1 : 'M[R]_(c, n)) (p2 : 'M[R]_(d, r)),
    pinv x p1 ->
    pinv k p2 ->
    fro (x *m (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k)) - u) ^+ 2 + fro (k *m trmx (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k)) - h) ^+ 2 = fro (x *m p - u) ^+ 2 + fro (k *m trmx p - h) ^+ 2 /\
    (\rank (1%:M - p1 *m x)%R + \rank (x)%R)%N = c /\
    (\rank (1%:M - p2 *m k)%R + \rank (k)%R)%N = d.

Definition two_way_effect : Prop :=
  forall (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)) (p q : 'M[R]_(c, d)) (m : 'M[R]_(d, d)),
    x *m p = u ->
    h *m q = k ->
    x *m (p *m m *m trmx q) *m trmx h = u *m m *m trmx k.

Definition two_way_one_way : Prop :=
  forall (c d n : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (p1 : 'M[R]_(c, c)),
    pinv (trmx x *m x) p1 ->
    trmx x *m x *m (p1 *m (trmx x *m u)) = trmx x *m u.

Definition two_way_polar : Prop :=
  forall (d n r : nat) (x u : 'M[R]_(n, d)) (k h : 'M[R]_(r, d)) (p o f : 'M[R]_(d, d)),
    trmx p *m p = 1%:M ->
    trmx o *m o = 1%:M ->
    trmx x *m u + trmx h *m k = p *m (trmx f *m f) ->
    fro (x *m p - u) ^+ 2 + fro (k *m trmx p - h) ^+ 2 <= fro (x *m o - u) ^+ 2 + fro (k *m trmx o - h) ^+ 2.

Definition two_way_balanced : Prop :=
  forall (d : nat) (a b t g q : 'M[R]_(d, d)),
    \rank (g)%R = d ->
    q *m trmx q = 1%:M ->
    t *m trmx t *m a *m (t *m trmx t) = b ->
    invmx g *m t *m q *m trmx (invmx g *m t *m q) *m (trmx g *m a *m g) *m (invmx g *m t *m q *m trmx (invmx g *m t *m q)) = invmx g *m b *m trmx (invmx g).

Definition several_joint : Prop :=
  forall (n o p q s t : nat) (e : 'M[R]_(n, o)) (r1 : 'M[R]_(n, p)) (r2 : 'M[R]_(n, q)) (j1 : 'M[R]_(s, o)) (j2 : 'M[R]_(t, o)) (x1 : 'M[R]_(p, s)) (x2 : 'M[R]_(q, t)) (y1 : 'M[R]_(p, s)) (y2 : 'M[R]_(q, t)),
    fro (trmx r1 *m (e - (r1 *m x1 *m j1 + r2 *m x2 *m j2)) *m trmx j1) = 0 ->
    fro (trmx r2 *m (e - (r1 *m x1 *m j1 + r2 *m x2 *m j2)) *m trmx j2) = 0 ->
    fro (e - (r1 *m x1 *m j1 + r2 *m x2 *m j2)) <= fro (e - (r1 *m y1 *m j1 + r2 *m y2 *m j2)).

Definition several_noise : Prop :=
  forall (n q : nat) (z : 'M[R]_(n, q)) (sigma : R) (Omega : Type) (x : Omega -> 'rV[R]_n) (E : (Omega -> R) -> R) (p1 : 'M[R]_(q, n)),
    0 < sigma ->
    law x E ((sigma ^+ 2)%:M) ->
    pinv z p1 ->
    E (fun w => norm (x w *m trmx p1) ^+ 2) = sigma ^+ 2 * fro p1 ^+ 2.

Definition several_gradient : Prop :=
  forall (k : nat) (e e' g : 'rV[R]_k) (a b s t : R),
    0 < a ->
    0 < b ->
    0 < s ->
    0 < t ->
    e != 0 ->
    e' != 0 ->
    e - dot e e' / norm e' ^+ 2 *: e' != 0 ->
    g - dot g e' / norm e' ^+ 2 *: e' != 0 ->
    1 - norm (e - (dot e e' / norm e' ^+ 2 *: e' + dot e (g - dot g e' / norm e' ^+ 2 *: e') / norm (g - dot g e' / norm e' ^+ 2 *: e') ^+ 2 *: (g - dot g e' / norm e' ^+ 2 *: e'))) ^+ 2 / norm e ^+ 2 = sim e e' ^+ 2 + (1 - sim e e' ^+ 2) * sim (e - dot e e' / norm e' ^+ 2 *: e') (g - dot g e' / norm e' ^+ 2 *: e') ^+ 2 /\
    norm (e - (dot e e' / norm e' ^+ 2 *: e' + dot e (g - dot g e' / norm e' ^+ 2 *: e') / norm (g - dot g e' / norm e' ^+ 2 *: e') ^+ 2 *: (g - dot g e' / norm e' ^+ 2 *: e'))) <= norm (e - ((a - b) *: e' + (s - t) *: g)).

Definition effect_certified_mean : Prop :=
  forall (k : nat) (p u v : 'rV[R]_k),
    0 < dot p v ->
    dot p u = dot p ((1 - (1 - dot p u / dot p v)) *: v).

Definition effect_certified_range : Prop :=
  forall (d n b a t : R),
    0 < d ->
    0 < n ->
    0 < b ->
    0 < a ->
    0 < t ->
    d <= b ->
    n <= a ->
    t * n <= d + t * a /\
    d <= b + t * n.

Definition effect_certified_next : Prop :=
  forall (k : nat) (u : 'rV[R]_k),
    outside u <= 2.
End Statements.
Ltac named := cbv beta delta [delta remainder c_minus c_plus c_larger shorter alpha beta cos_sum turn mu tau ratio].
