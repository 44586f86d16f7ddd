(* Rows of two numbers; pairs about an axis, and what I + e diag(1, -1) makes of them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine FirstOrder Output.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Pairs.
Variable R : rcfType.

Lemma tau_cube (s e : R) : -1 <= s <= 1 -> 0 <= e <= 1 / 2 -> gap s (tau e) <= 4 * (1 - s ^+ 2) * e + 16 * e ^+ 3.
Proof.
move=> hs /andP[e0 e1]; have he : 0 <= e < 1 by lra.
have [t0 t1 t2] := tau_bounds he; have ht : 0 <= tau e < 1 by rewrite t0.
have [_ h] := gap_le hs ht; apply: (le_trans h); move/andP: hs => [s1 s2].
have k : 0 <= 1 - s ^+ 2 by nra.
apply: lerD; first by nra.
have : tau e ^+ 3 <= (2 * e) ^+ 3 by rewrite ler_pXn2r ?nnegrE //; lra.
by rewrite exprMn; lra.
Qed.

(* the plane: y = (p, q), (p, -q) of cosine s = p^2 - q^2, the target's outputs turned by 90 degrees, AB = e diag(1, -1) *)
Definition row2 (a b : R) : 'rV[R]_2 := \row_j (if j == 0 then a else b).
Definition diag2 (a b : R) : 'M[R]_2 := \matrix_(i, j) (if i == j then (if i == 0 then a else b) else 0).
Lemma row2D a b c d : row2 a b + row2 c d = row2 (a + c) (b + d).
Proof. by apply/rowP => j; rewrite !mxE; case: (j == 0). Qed.
Lemma row2Z k a b : k *: row2 a b = row2 (k * a) (k * b).
Proof. by apply/rowP => j; rewrite !mxE; case: (j == 0). Qed.
Lemma row2_diag a b p q : row2 a b *m diag2 p q = row2 (a * p) (b * q).
Proof.
apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=.
by case: j => [[|[|//]] h]; rewrite /= ?mulr0 ?addr0 ?add0r.
Qed.
Lemma dot2 a b c d : dot (row2 a b) (row2 c d) = a * c + b * d.
Proof. by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0. Qed.
Lemma row2P (x : 'rV[R]_2) : x = row2 (x 0 0) (x 0 1).
Proof. by apply/rowP => j; rewrite !mxE; case: j => [[|[|//]] h] /=; congr (x _ _); exact: val_inj. Qed.
Lemma row2_neq0 a b : a != 0 -> row2 a b != 0.
Proof. by move=> h; apply/eqP => /rowP/(_ 0); rewrite !mxE /= => e; rewrite e eqxx in h. Qed.
Lemma row2_neq0' a b : b != 0 -> row2 a b != 0.
Proof. by move=> h; apply/eqP => /rowP/(_ 1); rewrite !mxE /= => e; rewrite e eqxx in h. Qed.
Lemma sim2 a b c d N : a * a + b * b = N -> c * c + d * d = N -> sim (row2 a b) (row2 c d) = (a * c + b * d) / N.
Proof.
move=> h1 h2; rewrite /sim /norm !dot2 h1 h2 -expr2 sqr_sqrtr //.
by rewrite -h1; have := sqr_ge0 a; have := sqr_ge0 b; rewrite !expr2; lra.
Qed.
Lemma diag2_spectral e : 0 <= e -> spectral_le (diag2 e (- e)) e.
Proof.
move=> he x; rewrite (row2P x) row2_diag -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 // exprMn !norm_sq !dot2.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.
Lemma half_angle (s : R) : -1 < s < 1 -> exists p q : R, [/\ 0 < p, 0 < q, p ^+ 2 + q ^+ 2 = 1 & p ^+ 2 - q ^+ 2 = s].
Proof.
move=> /andP[h1 h2]; exists (Num.sqrt ((1 + s) / 2)), (Num.sqrt ((1 - s) / 2)).
by rewrite !sqrtr_gt0 !sqr_sqrtr; first split; lra.
Qed.

Section Plane.
Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).
Definition y1 := row2 p q. Definition y2 := row2 p (- q).
Definition y1' := row2 q p. Definition y2' := row2 (- q) p.
Lemma plane_nonzero : [/\ y1 != 0, y2 != 0, y1' != 0 & y2' != 0].
Proof. by split; [apply: row2_neq0|apply: row2_neq0|apply: row2_neq0'|apply: row2_neq0']; rewrite gt_eqF. Qed.
Lemma plane_sim : sim y1 y2 = p ^+ 2 - q ^+ 2 /\ sim y1' y2' = p ^+ 2 - q ^+ 2.
Proof.
have c := circle.
by split; rewrite (@sim2 _ _ _ _ 1) ?divr1 -?circle; ring.
Qed.
Lemma moved_plane e : sim (y1 *m (1%:M + diag2 e (- e))) (y2 *m (1%:M + diag2 e (- e))) =
    (p ^+ 2 * (1 + e) ^+ 2 - q ^+ 2 * (1 - e) ^+ 2) / (p ^+ 2 * (1 + e) ^+ 2 + q ^+ 2 * (1 - e) ^+ 2) /\
  sim (y1' *m (1%:M + diag2 e (- e))) (y2' *m (1%:M + diag2 e (- e))) =
    (p ^+ 2 * (1 - e) ^+ 2 - q ^+ 2 * (1 + e) ^+ 2) / (p ^+ 2 * (1 - e) ^+ 2 + q ^+ 2 * (1 + e) ^+ 2).
Proof.
rewrite !mulmxDr !mulmx1 /y1 /y2 /y1' /y2' !row2_diag !row2D; split.
  by rewrite (@sim2 _ _ _ _ (p ^+ 2 * (1 + e) ^+ 2 + q ^+ 2 * (1 - e) ^+ 2)); first (congr (_ / _)); ring.
by rewrite (@sim2 _ _ _ _ (p ^+ 2 * (1 - e) ^+ 2 + q ^+ 2 * (1 + e) ^+ 2)); first (congr (_ / _)); ring.
Qed.
Lemma plane_gap e : 0 < e < 1 ->
  `|sim (y1 *m (1%:M + diag2 e (- e))) (y2 *m (1%:M + diag2 e (- e)))
   - sim (y1' *m (1%:M + diag2 e (- e))) (y2' *m (1%:M + diag2 e (- e)))| = gap (p ^+ 2 - q ^+ 2) (tau e).
Proof.
move=> /andP[e0 e1]; have [-> ->] := moved_plane e; have c := circle; have pp := p0; have qq := q0.
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
have hs : -1 <= p ^+ 2 - q ^+ 2 <= 1 by lra.
have ht : 0 <= tau e < 1 by have [-> -> _] := @tau_bounds R e ltac:(lra).
have [g1 g2 ->] := gapE hs ht.
have u0 : 0 < (1 + e) ^+ 2 by rewrite exprn_gt0 //; lra.
have v0 : 0 < (1 - e) ^+ 2 by rewrite exprn_gt0 //; lra.
have d0 : 0 < 1 + e ^+ 2 by have := sqr_ge0 e; lra.
move: (p ^+ 2) (q ^+ 2) c P0 Q0 hs g1 g2 => P Q c P0 Q0 hs g1 g2.
have d1 : 0 < P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2 by rewrite addr_gt0 // mulr_gt0.
have d2 : 0 < P * (1 - e) ^+ 2 + Q * (1 + e) ^+ 2 by rewrite addr_gt0 // mulr_gt0.
have f1 : ((P - Q) + tau e) / (1 + (P - Q) * tau e) = (P * (1 + e) ^+ 2 - Q * (1 - e) ^+ 2) / (P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2).
  have hQ : Q = 1 - P by lra.
  apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP; rewrite hQ /tau; field; by rewrite gt_eqF.
have f2 : ((P - Q) - tau e) / (1 - (P - Q) * tau e) = (P * (1 - e) ^+ 2 - Q * (1 + e) ^+ 2) / (P * (1 - e) ^+ 2 + Q * (1 + e) ^+ 2).
  have hQ : Q = 1 - P by lra.
  apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP; rewrite hQ /tau; field; by rewrite gt_eqF.
rewrite f1 f2 ger0_norm // subr_ge0 ler_pdivrMr // mulrAC ler_pdivlMr //.
have PQ : 0 <= P * Q by rewrite mulr_ge0 ?ltW.
have : 0 <= 2 * (P * Q) * (((1 + e) ^+ 2) ^+ 2 - ((1 - e) ^+ 2) ^+ 2).
  by apply: mulr_ge0; [lra|rewrite subr_ge0 ler_pXn2r ?nnegrE ?(ltW u0) ?(ltW v0) //; nra].
lra.
Qed.
End Plane.

Lemma plane_moved_nonzero (p q e : R) : 0 < p -> 0 < q -> 0 < e < 1 ->
  [/\ y1 p q *m (1%:M + diag2 e (- e)) != 0, y2 p q *m (1%:M + diag2 e (- e)) != 0,
      y1' p q *m (1%:M + diag2 e (- e)) != 0 & y2' p q *m (1%:M + diag2 e (- e)) != 0].
Proof.
move=> p0 q0 /andP[e0 e1]; rewrite !mulmxDr !mulmx1 !row2_diag !row2D.
have h z : 0 < z -> z + z * e != 0 by move=> hz; rewrite gt_eqF // addr_gt0 // mulr_gt0.
have h' z : 0 < z -> z + z * - e != 0 by move=> hz; rewrite gt_eqF // mulrN subr_gt0; nra.
by split; [apply: row2_neq0|apply: row2_neq0|apply: row2_neq0'|apply: row2_neq0']; rewrite ?h ?h'.
Qed.

Lemma gap_halves (s t : R) : -1 <= s <= 1 -> 0 <= t < 1 ->
  gap s t = t * (1 - s ^+ 2) / (1 + t * s) + t * (1 - s ^+ 2) / (1 - t * s).
Proof.
move=> hs ht; have [g1 g2 ->] := gapE hs ht; rewrite !(mulrC t s).
by field; rewrite (gt_eqF g1) (gt_eqF g2).
Qed.

Lemma full_rank n (T : 'M[R]_n) (lo : R) : 0 < lo -> (forall x : 'rV_n, lo * norm x <= norm (x *m T)) -> \rank T = n.
Proof.
move=> l0 h; apply/eqP; rewrite -/(row_free T); apply: inj_row_free => x hx.
apply/eqP; apply: contraT => /norm_gt0 px; have := h x; rewrite hx /norm dot0l sqrtr0 -/(norm x); nra.
Qed.

Lemma ratio (N D b q : R) : D != 0 ->
  (D + N) * (1 - b) = q * ((D - N) * (1 + b)) -> (1 + N / D) * (1 - b) = q * ((1 - N / D) * (1 + b)).
Proof.
move=> h e; have h1 : 1 + N / D = (D + N) / D by field.
have h2 : 1 - N / D = (D - N) / D by field.
by rewrite h1 h2 mulrAC e; field.
Qed.
End Pairs.
