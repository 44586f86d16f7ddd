(* Lemma 1 and Props. 1 and 2 to first order, as the claims state them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine Attained FirstOrder Output Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Holds.
Variable R : rcfType.

Lemma deltaE n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  (dot du v + dot u dv) / (norm u * norm v) -
  (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
Proof. by move=> hu hv; rewrite /delta /sim; field; rewrite !gt_eqF // norm_gt0. Qed.

(* rows of two numbers *)
Definition row2 (a b : R) : 'rV[R]_2 := \row_j (if j == 0 then a else b).
Lemma dot2 a b c d : dot (row2 a b) (row2 c d) = a * c + b * d.
Proof. by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0. Qed.
Lemma row2_neq0 a b : a != 0 -> row2 a b != 0.
Proof. by move=> h; apply/eqP => /rowP/(_ 0); rewrite !mxE /= => e; rewrite e eqxx in h. Qed.
Lemma norm2 a b q : a * a + b * b = q ^+ 2 -> 0 <= q -> norm (row2 a b) = q.
Proof. by move=> h hq; rewrite /norm dot2 h sqrtr_sqr ger0_norm. Qed.
Lemma circle (s : R) : -1 < s < 1 -> exists c, 0 < c /\ s ^+ 2 + c ^+ 2 = 1.
Proof.
move=> /andP[h1 h2]; exists (Num.sqrt (1 - s ^+ 2)).
have h : 0 < 1 - s ^+ 2 by nra.
by split; [rewrite sqrtr_gt0|rewrite sqr_sqrtr ?(ltW h) //; ring].
Qed.

Theorem lemma_1_holds : lemma_1 R.
Proof.
split=> [d u v du dv hu hv|]; first by rewrite deltaE // delta_bound.
have n1 : norm (row2 1 0) = 1 by apply: norm2 => //; ring.
have n2 : norm (row2 0 1) = 1 by apply: norm2 => //; ring.
have h1 : row2 1 0 != 0 by rewrite row2_neq0 // oner_eq0.
have h2 : row2 0 1 != 0 by apply/eqP => h; have := n2; rewrite h /norm dot0l sqrtr0 => /eqP; rewrite eq_sym oner_eq0.
exists 2%N, (row2 1 0), (row2 0 1), (row2 0 1), (row2 1 0); do 2 (split=> //).
by rewrite /sim !n1 !n2 !dot2 !(mul0r, mulr0, mul1r, mulr1, addr0, add0r, divr1, normr0); split; [rewrite ger0_norm|]; lra.
Qed.

Theorem lemma_1_sharp_holds : lemma_1_sharp R.
Proof.
split=> [d u v du dv hu hv|s a b hs a0 b0]; first by rewrite deltaE // delta_sharp.
have [c [c0 sc]] := circle hs.
have n1 : norm (row2 1 0) = 1 by apply: norm2 => //; ring.
have n2 : norm (row2 s c) = 1 by apply: norm2 => //; rewrite expr1n -sc; ring.
have h1 : row2 1 0 != 0 by rewrite row2_neq0 // oner_eq0.
have h2 : row2 s c != 0 by apply/eqP => h; have := n2; rewrite h /norm dot0l sqrtr0 => /eqP; rewrite eq_sym oner_eq0.
have hsim : sim (row2 1 0) (row2 s c) = s by rewrite /sim n1 n2 dot2; field.
have hc : sine (row2 1 0) (row2 s c) = c.
  by rewrite /sine hsim (_ : 1 - s ^+ 2 = c ^+ 2) ?sqrtr_sqr ?gtr0_norm //; rewrite -sc; ring.
have [p1 p2] := steepest_dot h1 h2; have [q1 q2] := steepest_dot h2 h1.
pose x := (a / c) *: steepest (row2 1 0) (row2 s c); pose y := (b / c) *: steepest (row2 s c) (row2 1 0).
have nx : norm x = a.
  by rewrite normZ steepest_norm // hc n1 gtr0_norm ?divr_gt0 //; field; rewrite gt_eqF.
have ny : norm y = b.
  by rewrite normZ steepest_norm // sineC hc n2 gtr0_norm ?divr_gt0 //; field; rewrite gt_eqF.
exists 2%N, (row2 1 0), (row2 s c), x, y; rewrite deltaE // nx ny n1 n2 hsim hc !divr1.
have -> : delta (row2 1 0) (row2 s c) x y = c * (a + b).
  rewrite /delta /x /y n1 n2; rewrite sineC hc in q2; rewrite hc in p2.
  move: (steepest (row2 1 0) (row2 s c)) (steepest (row2 s c) (row2 1 0)) p1 p2 q1 q2 => X Y p1 p2 q1 q2.
  by rewrite !(dotZr, dotZl) p1 q1 (dotC X) p2 q2 n1 n2; field; rewrite gt_eqF.
by rewrite gtr0_norm ?mulr_gt0 ?addr_gt0.
Qed.

(* two models, each moved by at most e a, e b times the lengths of its outputs *)
Theorem up_to n n' (u v : 'rV[R]_n) (u' v' : 'rV[R]_n') (a b a' b' : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 <= a -> 0 <= b -> 0 <= a' -> 0 <= b' ->
  exists K e0 : R, 0 < e0 /\ forall (e : R) du dv du' dv', 0 < e <= e0 ->
    norm du <= e * a * norm u -> norm dv <= e * b * norm v -> norm du' <= e * a' * norm u' -> norm dv' <= e * b' * norm v' ->
    `|sim (u + du) (v + dv) - sim (u' + du') (v' + dv')|
    <= (sine u v * (a + b) + sine u' v' * (a' + b')) * e + K * e ^+ 2.
Proof.
move=> hu hv hu' hv' hs a0 b0 a0' b0'.
have hd : 0 < 2 * (1 + a + b + a' + b') by lra.
exists (4 * (a ^+ 2 + b ^+ 2 + a' ^+ 2 + b' ^+ 2)), (1 / (2 * (1 + a + b + a' + b'))); split; first by rewrite divr_gt0 //; lra.
move=> e du dv du' dv' /andP[e0]; rewrite ler_pdivlMr // => e1 k1 k2 k3 k4.
have pe z : 0 <= z -> 0 <= e * z by move=> hz; rewrite mulr_ge0 // ltW.
have pa := pe a a0; have pb := pe b b0; have pa' := pe a' a0'; have pb' := pe b' b0'.
have l1 : e * (a + b) <= 1 / 2 by lra.
have l2 : e * (a' + b') <= 1 / 2 by lra.
have m1 := moved_small hu hv (ltW e0) a0 b0 k1 k2 l1; have m2 := moved_small hu' hv' (ltW e0) a0' b0' k3 k4 l2.
rewrite hs in m1; move: (sim (u + du) _) (sim (u' + du') _) (sim u' v') m1 m2 => S S' s m1 m2.
have -> : S - S' = (S - s) - (S' - s) by ring.
apply: (le_trans (ler_normB _ _)); apply: (le_trans (lerD m1 m2)); lra.
Qed.

Lemma stretched c d (W : 'M[R]_(c,d)) x : x *m W != 0 -> norm x = norm x / norm (x *m W) * norm (x *m W).
Proof. by move=> h; rewrite divfK // gt_eqF // norm_gt0. Qed.
Lemma stretch_ge0 c d (W : 'M[R]_(c,d)) x : 0 <= norm x / norm (x *m W).
Proof. by rewrite divr_ge0 ?norm_ge0. Qed.
Lemma lora_step c d (W M : 'M[R]_(c,d)) x e : x *m W != 0 -> spectral_le M e ->
  norm (x *m M) <= e * (norm x / norm (x *m W)) * norm (x *m W).
Proof. by move=> h hM; rewrite -mulrA -stretched //; exact: hM. Qed.

Theorem lora_sine c d (W W' : 'M[R]_(c,d)) x1 x2 x1' x2' :
  x1 *m W != 0 -> x2 *m W != 0 -> x1' *m W' != 0 -> x2' *m W' != 0 ->
  sim (x1 *m W) (x2 *m W) = sim (x1' *m W') (x2' *m W') ->
  exists K e0 : R, 0 < e0 /\ forall (e : R) (M : 'M[R]_(c,d)), 0 < e <= e0 -> spectral_le M e ->
    `|sim (x1 *m (W + M)) (x2 *m (W + M)) - sim (x1' *m (W' + M)) (x2' *m (W' + M))|
    <= (sine (x1 *m W) (x2 *m W) * (norm x1 / norm (x1 *m W) + norm x2 / norm (x2 *m W))
      + sine (x1' *m W') (x2' *m W') * (norm x1' / norm (x1' *m W') + norm x2' / norm (x2' *m W'))) * e + K * e ^+ 2.
Proof.
move=> h1 h2 h1' h2' hs.
have [K [e0 [he0 H]]] := up_to h1 h2 h1' h2' hs (stretch_ge0 W x1) (stretch_ge0 W x2) (stretch_ge0 W' x1') (stretch_ge0 W' x2').
exists K, e0; split=> // e M he hM; rewrite !mulmxDr; apply: H => //; exact: lora_step.
Qed.

Theorem prop_1_abs_holds : prop_1_abs R.
Proof.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ h1 h2 h1' h2' hs.
have [K [e0 [he0 H]]] := lora_sine h1 h2 h1' h2' hs; exists K, e0; split=> // r A B e he hM _ _ _ _.
apply: (le_trans (H e _ he hM)); rewrite lerD2r.
have := sine_le1 (x1 *m W) (x2 *m W); have := sine_le1 (x1' *m W') (x2' *m W'); have := normr_ge0 (sim (x1 *m W) (x2 *m W)).
have := sine_ge0 (x1 *m W) (x2 *m W); have := sine_ge0 (x1' *m W') (x2' *m W').
have := stretch_ge0 W x1; have := stretch_ge0 W x2; have := stretch_ge0 W' x1'; have := stretch_ge0 W' x2'.
case/andP: he => he _; move: (sine (x1 *m W) _) (sine (x1' *m W') _) `|sim _ _|.
move: (norm x1 / _) (norm x2 / _) (norm x1' / _) (norm x2' / _) => a b a' b' p q s hb' ha' hb ha q0 p0 s0 q1 p1.
have le1 (z t : R) : 0 <= z -> t <= 1 -> t * z <= (1 + s) * z by move=> hz ht; apply: ler_wpM2r => //; lra.
rewrite mulrC [X in _ <= X]mulrAC -[X in _ <= X]mulrC; apply: ler_wpM2l; first exact: ltW.
have := le1 (a + b) _ _ p1; have := le1 (a' + b') _ _ q1.
by rewrite !addr_ge0 // => /(_ isT) k1 /(_ isT) k2; lra.
Qed.

Theorem prop_2_input_vectors_holds : prop_2_input_vectors R.
Proof.
move=> c d e W W' x1 x2 x1' x2' n n' _ _ _ _ _ h1 h2 h1' h2' hs [n0 hn _] [n0' hn' _].
have p m k (V : 'M[R]_(m,k)) x t : 0 <= t -> 0 <= norm x / norm (x *m V) * t by move=> ht; rewrite mulr_ge0 ?stretch_ge0.
have [K [e0 [he0 H]]] := up_to h1 h2 h1' h2' hs (p _ _ W x1 _ n0) (p _ _ W x2 _ n0) (p _ _ W' x1' _ n0') (p _ _ W' x2' _ n0').
exists K, e0; split=> // r A B eps he hM _ _ _ _.
have step k (V : 'M[R]_(c,k)) x t : x *m V != 0 -> spectral_le V t -> 0 <= t ->
    norm (x *m (A *m B) *m V) <= eps * (norm x / norm (x *m V) * t) * norm (x *m V).
  move=> hx hV ht; apply: (le_trans (hV _)).
  have -> : eps * (norm x / norm (x *m V) * t) * norm (x *m V) = t * (eps * norm x).
    by field; rewrite gt_eqF // norm_gt0.
  by apply: ler_wpM2l => //; exact: hM.
rewrite !(mulmxDr, mulmxDl, mulmx1); have := H _ _ _ _ _ he (step _ _ _ _ h1 hn n0) (step _ _ _ _ h2 hn n0)
  (step _ _ _ _ h1' hn' n0') (step _ _ _ _ h2' hn' n0').
move=> k; apply: (le_trans k); lra.
Qed.
End Holds.
