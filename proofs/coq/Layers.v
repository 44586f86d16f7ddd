(* One layer with an adapter: how far the cosine of two outputs can move (Props. 1 and 2). *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Prop. 2, output adaptation: what a matrix of known condition number can do to a cosine, in any dimension. *)
Module Output.
Import Norms Cosine.
Section Output.
Variable R : rcfType.

(* generalised Wielandt: if m|xP| <= |xQ| <= M|xP|, then (1 + s^)/(1 - s^) <= (M/m)^2 (1 + s)/(1 - s) *)
Theorem wielandt n d d' (P : 'M[R]_(n,d)) (Q : 'M[R]_(n,d')) (m M : R) (x y : 'rV_n) : 0 < m -> 0 <= M ->
  (forall z : 'rV_n, m * norm (z *m P) <= norm (z *m Q)) -> (forall z : 'rV_n, norm (z *m Q) <= M * norm (z *m P)) ->
  x *m P != 0 -> y *m P != 0 ->
  m ^+ 2 * (1 - sim (x *m P) (y *m P)) * (1 + sim (x *m Q) (y *m Q))
  <= M ^+ 2 * (1 + sim (x *m P) (y *m P)) * (1 - sim (x *m Q) (y *m Q)).
Proof.
move=> hm hM hlow hup hu hv.
have pa := norm_gt0 hu; have pb := norm_gt0 hv.
have pp : 0 < norm (x *m Q) by apply: lt_le_trans (hlow x); rewrite mulr_gt0.
have pr : 0 < norm (y *m Q) by apply: lt_le_trans (hlow y); rewrite mulr_gt0.
have s1 := sim_le1 hu hv.
have low z : m ^+ 2 * dot (z *m P) (z *m P) <= dot (z *m Q) (z *m Q).
  by rewrite -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 // ltW.
have up z : dot (z *m Q) (z *m Q) <= M ^+ 2 * dot (z *m P) (z *m P).
  by rewrite -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 //.
have hs : sim (x *m P) (y *m P) * (norm (x *m P) * norm (y *m P)) = dot (x *m P) (y *m P).
  by rewrite /sim divfK // mulf_neq0 // gt_eqF.
have hS : sim (x *m Q) (y *m Q) * (norm (x *m Q) * norm (y *m Q)) = dot (x *m Q) (y *m Q).
  by rewrite /sim divfK // mulf_neq0 // gt_eqF.
have := up (norm (y *m P) *: x + norm (x *m P) *: y); have := low (norm (y *m Q) *: x + (- norm (x *m Q)) *: y).
rewrite !mulmxDl -!scalemxAl !dotDl !dotDr !dotZl !dotZr (dotC (y *m P) (x *m P)) (dotC (y *m Q) (x *m Q)) -hs -hS -!norm_sq.
move: (sim _ _) (sim (x *m Q) _) s1 pa pb pp pr => s S s1.
move: (norm (x *m P)) (norm (y *m P)) (norm (x *m Q)) (norm (y *m Q)) => a b p r pa pb pp pr h2 h1.
move: s1; rewrite ler_norml => /andP[s1 s2].
have pab : 0 < a * b by rewrite mulr_gt0. have ppr : 0 < p * r by rewrite mulr_gt0.
have g1 : (p * r) * (1 + S) <= M ^+ 2 * (a * b) * (1 + s).
  have h3 := sqr_ge0 (b * p - a * r).
  rewrite -(ler_pM2l pab); nra.
have g2 : m ^+ 2 * (a * b) * (1 - s) <= (p * r) * (1 - S).
  have h3 : 0 <= m ^+ 2 * (r * a - p * b) ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
  rewrite -(ler_pM2l ppr); nra.
have n1 : 0 <= 1 - s by lra. have n2 : 0 <= 1 + s by lra.
have q1 : 0 <= m ^+ 2 * (a * b) * (1 - s) by rewrite !mulr_ge0 ?sqr_ge0 // ltW.
have q2 : 0 <= M ^+ 2 * (a * b) * (1 + s) by rewrite !mulr_ge0 ?sqr_ge0 // ltW.
have := ler_wpM2l q1 g1; have := ler_wpM2l q2 g2 => k2 k1.
have k : m ^+ 2 * (a * b) * (1 - s) * (p * r * (1 + S)) <= M ^+ 2 * (a * b) * (1 + s) * (p * r * (1 - S)).
  by apply: le_trans k1 _; rewrite mulrC; exact: k2.
have pk : 0 < (a * b) * (p * r) by rewrite mulr_gt0.
by rewrite -(ler_pM2l pk); lra.
Qed.

Lemma simN n (u v : 'rV[R]_n) : sim u (- v) = - sim u v.
Proof. by rewrite /sim dotNr normN mulNr. Qed.

Theorem artanh_shift n d d' (P : 'M[R]_(n,d)) (Q : 'M[R]_(n,d')) (m M : R) (x y : 'rV_n) : 0 < m -> 0 <= M ->
  (forall z : 'rV_n, m * norm (z *m P) <= norm (z *m Q)) -> (forall z : 'rV_n, norm (z *m Q) <= M * norm (z *m P)) ->
  x *m P != 0 -> y *m P != 0 ->
  artanh_within (sim (x *m Q) (y *m Q)) (sim (x *m P) (y *m P)) (M / m).
Proof.
move=> hm hM hlow hup hu hv; rewrite /artanh_within /artanh_gap.
have hv' : (- y) *m P != 0 by rewrite mulNmx oppr_eq0.
have h1 := wielandt hm hM hlow hup hu hv; have := wielandt hm hM hlow hup hu hv'.
rewrite !mulNmx !simN opprK; move: (sim (x *m Q) _) (sim (x *m P) _) h1 => S s h1 h2.
have m2 : 0 < m ^+ 2 by rewrite exprn_gt0.
split; rewrite -(ler_pM2l m2) exprMn exprVn.
  have -> : m ^+ 2 * (M ^+ 2 / m ^+ 2 * ((1 - S) * (1 + s))) = M ^+ 2 * (1 + s) * (1 - S) by field; rewrite gt_eqF.
  lra.
have -> : m ^+ 2 * (M ^+ 2 / m ^+ 2 * ((1 - s) * (1 + S))) = M ^+ 2 * (1 - s) * (1 + S) by field; rewrite gt_eqF.
lra.
Qed.
Theorem artanh_shift1 n d (T : 'M[R]_(n,d)) (m M : R) (u v : 'rV_n) : 0 < m -> 0 <= M ->
  (forall z : 'rV_n, m * norm z <= norm (z *m T)) -> spectral_le T M -> u != 0 -> v != 0 ->
  artanh_within (sim (u *m T) (v *m T)) (sim u v) (M / m).
Proof.
move=> hm hM hl hu h1 h2; have := @artanh_shift _ _ _ 1%:M T m M u v hm hM; rewrite !mulmx1; apply=> // z; rewrite mulmx1 //.
Qed.

(* from a shift of artanh by at most ln q to an interval, tau = (q^2 - 1)/(q^2 + 1) = tanh ln q *)
Lemma shifted_interval (s S q : R) : -1 <= s <= 1 -> -1 <= S <= 1 -> 1 <= q -> artanh_within S s q ->
  let t := (q ^+ 2 - 1) / (q ^+ 2 + 1) in
  [/\ 0 <= t < 1, S * (1 + s * t) <= s + t & s - t <= S * (1 - s * t)].
Proof.
move=> /andP[s1 s2] /andP[S1 S2] hq [g1 g2] t; rewrite /artanh_gap in g1 g2.
have q2 : 1 <= q ^+ 2 by rewrite expr_ge1 //; lra.
have hd : 0 < q ^+ 2 + 1 by lra.
have ht : t * (q ^+ 2 + 1) = q ^+ 2 - 1 by rewrite /t divfK // gt_eqF.
move: (q ^+ 2) q2 hd ht g1 g2 => Q q2 hd ht g1 g2.
have t0 : 0 <= t by rewrite -(pmulr_lge0 _ hd) ht; lra.
have t1 : t < 1 by rewrite -(ltr_pM2r hd) ht; lra.
split; first by rewrite t0.
  rewrite -(ler_pM2r hd).
  have -> : S * (1 + s * t) * (Q + 1) = S * (Q + 1) + S * s * (t * (Q + 1)) by ring.
  rewrite [X in _ <= X]mulrDl ht; lra.
rewrite -(ler_pM2r hd).
have -> : S * (1 - s * t) * (Q + 1) = S * (Q + 1) - S * s * (t * (Q + 1)) by ring.
rewrite [X in X <= _]mulrBl ht; lra.
Qed.

Lemma one_plus_up n (M : 'M[R]_n) (e : R) : spectral_le M e -> spectral_le (1%:M + M) (1 + e).
Proof.
move=> hM x; rewrite mulmxDr mulmx1 mulrDl mul1r; apply: le_trans (norm_triangle _ _) _.
by rewrite lerD2l; exact: hM.
Qed.
Lemma one_plus_low n (M : 'M[R]_n) (e : R) : spectral_le M e ->
  forall x : 'rV_n, (1 - e) * norm x <= norm (x *m (1%:M + M)).
Proof.
move=> hM x; have := norm_triangle (x *m (1%:M + M)) (- (x *m M)).
rewrite normN mulmxDr mulmx1 addrK; have := hM x; lra.
Qed.

Theorem adapter_shift n (M : 'M[R]_n) (e : R) (u v : 'rV_n) : 0 <= e < 1 -> spectral_le M e -> u != 0 -> v != 0 ->
  artanh_within (sim (u *m (1%:M + M)) (v *m (1%:M + M))) (sim u v) ((1 + e) / (1 - e)).
Proof.
move=> /andP[h0 h1] hM hu hv; apply: artanh_shift1 => //; [lra|lra|exact: one_plus_low|exact: one_plus_up].
Qed.

Definition tau (e : R) := 2 * e / (1 + e ^+ 2).
Lemma tauE e : 0 <= e < 1 -> (((1 + e) / (1 - e)) ^+ 2 - 1) / (((1 + e) / (1 - e)) ^+ 2 + 1) = tau e.
Proof.
move=> /andP[h0 h1]; rewrite /tau exprMn exprVn.
have d1 : 1 - e != 0 by rewrite gt_eqF //; lra.
have d2 : 1 + e ^+ 2 != 0 by rewrite gt_eqF //; have := sqr_ge0 e; lra.
by field; rewrite ?d1 ?d2 /= gt_eqF //; have := sqr_ge0 (1 + e); have := sqr_ge0 (1 - e); nra.
Qed.
Lemma tau_bounds e : 0 <= e < 1 -> [/\ 0 <= tau e, tau e < 1 & tau e <= 2 * e].
Proof.
move=> /andP[h0 h1]; have hd : 0 < 1 + e ^+ 2 by nra.
split; rewrite /tau; first by apply: divr_ge0; [lra|exact: ltW].
  rewrite ltr_pdivrMr //; nra.
rewrite ler_pdivrMr //; nra.
Qed.

Definition gap (s t : R) := 2 * t * (1 - s ^+ 2) / (1 - s ^+ 2 * t ^+ 2).

Lemma simP n (u v : 'rV[R]_n) : -1 <= sim u v <= 1.
Proof.
have [->|hu] := eqVneq u 0; first by rewrite /sim dot0l mul0r; lra.
have [->|hv] := eqVneq v 0; first by rewrite /sim dotC dot0l mul0r; lra.
by rewrite -ler_norml sim_le1.
Qed.

Lemma gapE (s t : R) : -1 <= s <= 1 -> 0 <= t < 1 ->
  [/\ 0 < 1 + s * t, 0 < 1 - s * t & gap s t = (s + t) / (1 + s * t) - (s - t) / (1 - s * t)].
Proof.
move=> /andP[s1 s2] /andP[t0 t1].
have k1 : 0 <= (s + 1) * t by apply: mulr_ge0 => //; lra.
have k2 : 0 <= (1 - s) * t by apply: mulr_ge0 => //; lra.
have hp : 0 < 1 + s * t by lra. have hm : 0 < 1 - s * t by lra.
split=> //; have hpm : 1 - s ^+ 2 * t ^+ 2 != 0.
  have -> : 1 - s ^+ 2 * t ^+ 2 = (1 + s * t) * (1 - s * t) by ring.
  by rewrite mulf_neq0 // gt_eqF.
by rewrite /gap; field; rewrite ?(gt_eqF hp) ?(gt_eqF hm) //= ?andbT exprMn.
Qed.

(* two cosines that start from s and shift by at most artanh t each *)
Lemma two_shifts (s S S' q : R) : -1 <= s <= 1 -> -1 <= S <= 1 -> -1 <= S' <= 1 -> 1 <= q ->
  artanh_within S s q -> artanh_within S' s q -> `|S - S'| <= gap s ((q ^+ 2 - 1) / (q ^+ 2 + 1)).
Proof.
move=> hs hS hS' hq w w'.
have [ht a b] := shifted_interval hs hS hq w; have [_ a' b'] := shifted_interval hs hS' hq w'.
move: (_ / _) ht a b a' b' => t ht a b a' b'; have [hp hm ->] := gapE hs ht.
by rewrite -ler_pdivlMr // in a; rewrite -ler_pdivlMr // in a'; rewrite -ler_pdivrMr // in b;
   rewrite -ler_pdivrMr // in b'; rewrite ler_norml; lra.
Qed.

Theorem output_finite d (M : 'M[R]_d) (e : R) (y1 y2 y1' y2' : 'rV_d) :
  0 <= e < 1 -> spectral_le M e -> y1 != 0 -> y2 != 0 -> y1' != 0 -> y2' != 0 -> sim y1 y2 = sim y1' y2' ->
  `|sim (y1 *m (1%:M + M)) (y2 *m (1%:M + M)) - sim (y1' *m (1%:M + M)) (y2' *m (1%:M + M))|
  <= gap (sim y1 y2) (tau e).
Proof.
move=> he hM h1 h2 h1' h2' hs; rewrite -tauE //.
have w := adapter_shift he hM h1 h2; have w' := adapter_shift he hM h1' h2'; rewrite -hs in w'.
apply: (two_shifts (simP _ _) (simP _ _) (simP _ _) _ w w').
by move: he => /andP[e0 e1]; rewrite ler_pdivlMr; lra.
Qed.

Lemma gap_le (s t : R) : -1 <= s <= 1 -> 0 <= t < 1 ->
  gap s t <= 2 * t /\ gap s t <= 2 * t * (1 - s ^+ 2) + 2 * t ^+ 3.
Proof.
move=> /andP[s1 s2] /andP[t0 t1].
have hs : 0 <= s ^+ 2 <= 1 by rewrite sqr_ge0 /=; nra.
have ht : 0 <= t ^+ 2 < 1 by rewrite sqr_ge0 /=; nra.
move: hs ht => /andP[a b] /andP[c d].
have hp : 0 < 1 - s ^+ 2 * t ^+ 2 by nra.
rewrite /gap !ler_pdivrMr //; split.
  have -> : 2 * t * (1 - s ^+ 2 * t ^+ 2) = 2 * t * (1 - s ^+ 2) + 2 * t * (s ^+ 2 * (1 - t ^+ 2)) by ring.
  rewrite lerDl; apply: mulr_ge0; first by lra.
  by apply: mulr_ge0 => //; lra.
have h : (2 * t * (1 - s ^+ 2) + 2 * t ^+ 3) * (1 - s ^+ 2 * t ^+ 2) - 2 * t * (1 - s ^+ 2)
   = 2 * t * t ^+ 2 * (1 - s ^+ 2 * t ^+ 2 - s ^+ 2 * (1 - s ^+ 2)) by ring.
rewrite -subr_ge0 h; apply: mulr_ge0; first by rewrite mulr_ge0 //; lra.
nra.
Qed.
End Output.
End Output.

(* Rows of two numbers; pairs about an axis, and what I + e diag(1, -1) makes of them. *)
Module Plane.
Import Norms Cosine FirstOrder Output.
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
End Plane.

(* The gradient of the cosine of two outputs in the weights: its dual norm, by its values on the plane of both inputs. *)
Module Gradient.
Import Norms Cosine FirstOrder Output Plane.
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
End Gradient.

(* Smallest singular values, and what they say about rows with orthonormal images. *)
Module Singular.
Import Norms Plane.
Section Singular.
Variable R : rcfType.

(* of a matrix that is not tall, they are the stretches of its rows *)
Lemma wide_rows c d (P : forall m n, 'M[R]_(m, n) -> Prop) (W : 'M[R]_(c, d)) : (c <= d)%N -> wide P W = P c d W.
Proof. by rewrite /wide => ->. Qed.
Lemma full_wide c d (W : 'M[R]_(c, d)) : \rank W = c -> (c <= d)%N.
Proof. by move=> hr; rewrite -[c in (c <= _)%N]hr rank_leq_col. Qed.
Definition row_singular k c d (W : 'M[R]_(c, d)) a :=
  [/\ 0 <= a, stretched_le k a W & forall b, 0 <= b -> stretched_le k b W -> a <= b].
Lemma singular_rows k c d (W : 'M[R]_(c, d)) a : (c <= d)%N -> singular k W a <-> row_singular k W a.
Proof. by rewrite /singular /wide => ->. Qed.

(* what the singular values of W say about such a plane *)
Lemma singular_gt0 k c d (W : 'M[R]_(c,d)) a : \rank W = c -> (0 < k)%N -> singular k W a -> 0 < a.
Proof.
move=> hr hk /(singular_rows _ _ _ (full_wide hr))[a0 [V hV hx] _]; rewrite lt_def a0 andbT; apply/eqP => z.
have free : row_free W by rewrite /row_free hr.
have V0 : V *m W = 0.
  apply/row_matrixP => i; rewrite row_mul row0.
  have := hx (delta_mx 0 i); rewrite z mul0r -rowE => h.
  by apply: dot_eq0; rewrite -norm_sq; have -> : norm (row i V *m W) = 0; [apply: le_anti; rewrite h norm_ge0|rewrite expr0n].
have : V *m W = 0 *m W by rewrite V0 mul0mx.
move/(row_free_inj free) => V1; move: hV; rewrite V1 /row_free mxrank0 eq_sym => /eqP k0.
by rewrite k0 in hk.
Qed.
Lemma least_stretch c d (W : 'M[R]_(c,d)) a (x : 'rV_c) : (c <= d)%N -> singular 1 W a ->
  a * norm x <= norm (x *m W).
Proof.
move=> cd /(singular_rows _ _ _ cd)[a0 _ least]; have [->|hx] := eqVneq x 0; first by rewrite mul0mx /norm !dot0l sqrtr0 mulr0.
have px := norm_gt0 hx; rewrite -ler_pdivlMr //; apply: least; first by rewrite divr_ge0 ?norm_ge0.
exists x => [|y]; first by rewrite /row_free rank_rV hx.
rewrite (mx11_scalar y) !mul_scalar_mx -scalemxAl !normZ mulrCA divfK // gt_eqF //.
Qed.
Lemma plane_le c d (W : 'M[R]_(c,d)) (p q : 'rV_c) a b (D : R) :
  dot (p *m W) (p *m W) = 1 -> dot (q *m W) (q *m W) = 1 -> dot (p *m W) (q *m W) = 0 ->
  (c <= d)%N -> singular 1 W a -> singular 2 W b -> 0 < a -> 0 < b -> 0 < D -> D ^+ 2 = dot p p * dot q q - dot p q ^+ 2 ->
  Num.sqrt (dot p p + dot q q + 2 * D) <= 1 / a + 1 / b.
Proof.
move=> ee ff ef cd ha hb a0 b0 D0 hD; have [_ _ least2] := iffLR (singular_rows _ _ _ cd) hb.
set P := dot p p in hD *; set Q := dot q q in hD *; set C := dot p q in hD.
have P0 : 0 <= P by exact: dot_ge0. have Q0 : 0 <= Q by exact: dot_ge0.
pose r := Num.sqrt ((P - Q) ^+ 2 + 4 * C ^+ 2).
have r0 : 0 <= r by exact: sqrtr_ge0.
have rr : r ^+ 2 = (P - Q) ^+ 2 + 4 * C ^+ 2 by rewrite sqr_sqrtr //; have := sqr_ge0 (P - Q); have := sqr_ge0 C; lra.
have len (x y : R) : dot (x *: p + y *: q) (x *: p + y *: q) = x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q.
  by rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC q p) -/P -/Q -/C; ring.
have out (x y : R) : dot ((x *: p + y *: q) *m W) ((x *: p + y *: q) *m W) = x ^+ 2 + y ^+ 2.
  by rewrite mulmxDl -!scalemxAl !(dotDl, dotDr, dotZl, dotZr) (dotC (q *m W)) ee ff ef; ring.
pose l := (P + Q + r) / 2; pose m := (P + Q - r) / 2.
have lm : l * m = D ^+ 2 by rewrite hD /l /m; transitivity (((P + Q) ^+ 2 - r ^+ 2) / 4); [field|rewrite rr; field].
have l0 : 0 < l.
  rewrite /l divr_gt0 // ltr_wpDr // lt_def addr_ge0 // andbT; apply/eqP => z.
  have hP : P = 0 by lra. have hD' := exprn_gt0 2 D0; rewrite hD hP mul0r sub0r in hD'.
  by have := sqr_ge0 C; lra.
have m0 : 0 < m by rewrite -(pmulr_rgt0 _ l0) lm exprn_gt0.
have la : Num.sqrt l <= 1 / a.
  have [x [y [xy]]] : exists x y : R, 0 < x ^+ 2 + y ^+ 2 /\ x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q = l * (x ^+ 2 + y ^+ 2).
    have root : l ^+ 2 = l * (P + Q) - (P * Q - C ^+ 2).
      have -> : l ^+ 2 = l * (P + Q) - l * m by rewrite /l /m; field.
      by rewrite lm hD.
    have [lP|lP] := eqVneq l P.
      have C0 : C ^+ 2 = 0 by rewrite lP in root; lra.
      by exists 1, 0; split; [lra|rewrite lP; ring].
    exists C, (l - P); split.
      by rewrite ltr_wpDl ?sqr_ge0 // lt_def sqr_ge0 andbT sqrf_eq0 subr_eq0.
    transitivity (l * (C ^+ 2 + (l - P) ^+ 2) + (P - l) * (l ^+ 2 - (l * (P + Q) - (P * Q - C ^+ 2)))); first by ring.
    by rewrite root subrr mulr0 addr0.
  rewrite -len => e; have := least_stretch (x *: p + y *: q) cd ha; set w := x *: p + y *: q in e * => h.
  rewrite ler_pdivlMr // -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?sqrtr_ge0 ?ler01 ?(ltW a0) //.
  rewrite exprMn sqr_sqrtr ?(ltW l0) // expr1n -(ler_pM2r xy) mul1r -(out x y) -/w -norm_sq.
  apply: le_trans (_ : _ <= (a * norm w) ^+ 2) _; last by rewrite ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW a0).
  by rewrite exprMn (norm_sq w) e (mulrC (a ^+ 2)) norm_sq out mulrAC.
have mb : Num.sqrt m <= 1 / b.
  have n0 : 0 < Num.sqrt m by rewrite sqrtr_gt0.
  rewrite ler_pdivlMr // mulrC -ler_pdivlMr //; apply: least2; first by rewrite divr_ge0 ?ltW.
  have low (x y : R) : m * (x ^+ 2 + y ^+ 2) <= x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q.
    have pm : 0 <= P - m.
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; lra.
      by rewrite -[(P - Q) ^+ 2]real_normK ?num_real // ler_pXn2r ?nnegrE // ler_norml /m => /andP[h _]; lra.
    have qm : 0 <= Q - m.
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; lra.
      by rewrite -[(P - Q) ^+ 2]real_normK ?num_real // ler_pXn2r ?nnegrE // ler_norml /m => /andP[_ h]; lra.
    have det : (P - m) * (Q - m) = C ^+ 2.
      transitivity ((r ^+ 2 - (P - Q) ^+ 2) / 4); first by rewrite /m; field.
      by rewrite rr; field.
    rewrite -subr_ge0; have -> : x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q - m * (x ^+ 2 + y ^+ 2)
      = (P - m) * x ^+ 2 + 2 * (x * y) * C + (Q - m) * y ^+ 2 by ring.
    have : 0 <= ((P - m) * x ^+ 2 + (Q - m) * y ^+ 2) ^+ 2 - (2 * (x * y) * C) ^+ 2.
      have -> : ((P - m) * x ^+ 2 + (Q - m) * y ^+ 2) ^+ 2 - (2 * (x * y) * C) ^+ 2
        = ((P - m) * x ^+ 2 - (Q - m) * y ^+ 2) ^+ 2 + 4 * (x * y) ^+ 2 * ((P - m) * (Q - m) - C ^+ 2) by ring.
      by rewrite det subrr mulr0 addr0 sqr_ge0.
    rewrite subr_ge0 => sq; have T0 : 0 <= (P - m) * x ^+ 2 + (Q - m) * y ^+ 2 by apply: addr_ge0; apply: mulr_ge0; rewrite ?sqr_ge0.
    have : `|2 * (x * y) * C| <= (P - m) * x ^+ 2 + (Q - m) * y ^+ 2.
      by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real.
    by rewrite ler_norml => /andP[h _]; lra.
  pose V : 'M[R]_(2, c) := \matrix_(i, j) (if i == 0 then p 0 j else q 0 j).
  have VE (y : 'rV_2) : y *m V = y 0 0 *: p + y 0 1 *: q.
    by apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /= addr0; congr (_ + y _ _ * _); apply: val_inj.
  exists V => [|y]; last first.
    rewrite VE; set w := _ + _; have w0 : 0 <= 1 / Num.sqrt m * norm w by rewrite mulr_ge0 ?norm_ge0 // divr_ge0 // ltW.
    rewrite -(@ler_pXn2r _ 2) ?nnegrE ?norm_ge0 //.
    have -> : (1 / Num.sqrt m * norm w) ^+ 2 = m^-1 * norm w ^+ 2.
      by rewrite exprMn; congr (_ * _); rewrite div1r exprVn sqr_sqrtr // ltW.
    rewrite !norm_sq out mulrC ler_pdivlMr // mulrC len.
    exact: low.
  apply: inj_row_free => y; rewrite VE => z.
  have : y 0 0 ^+ 2 + y 0 1 ^+ 2 = 0 by rewrite -out z mul0mx dot0l.
  move/eqP; rewrite paddr_eq0 ?sqr_ge0 // !sqrf_eq0 => /andP[/eqP y1 /eqP y2].
  by rewrite (row2P y) y1 y2; apply/rowP => j; rewrite !mxE; case: ifP.
have e : (Num.sqrt l + Num.sqrt m) ^+ 2 = P + Q + 2 * D.
  rewrite sqrrD (sqr_sqrtr (ltW l0)) (sqr_sqrtr (ltW m0)) -sqrtrM ?(ltW l0) // lm sqrtr_sqr (gtr0_norm D0) /l /m.
  by rewrite -mulr_natl; field.
by apply: le_trans (lerD la mb); rewrite -e sqrtr_sqr ger0_norm // addr_ge0 ?sqrtr_ge0.
Qed.
End Singular.
End Singular.

(* LoRA up to O(e^2): what bounds both gradients, in the data and in the weights, and when no smaller bound will do. *)
Module Lora.
Import Norms Cosine FirstOrder Output Plane Gradient Singular.
Section Lora.
Variable R : rcfType.

Lemma one_model c d (W M : 'M[R]_(c,d)) x z (k e : R) : x *m W != 0 -> z *m W != 0 -> 0 <= e -> spectral_le M e ->
  `|delta (x *m W) (z *m W) (x *m M) (z *m M)| <= k * e -> x *m (W + M) != 0 -> z *m (W + M) != 0 ->
  `|sim (x *m (W + M)) (z *m (W + M)) - sim (x *m W) (z *m W)|
    <= k * e + 4 * ((norm x / norm (x *m W)) ^+ 2 + (norm z / norm (z *m W)) ^+ 2) * e ^+ 2.
Proof.
move=> hx hz e0 hM hk; rewrite !mulmxDr => hx' hz'; have rem := remainder hx hz hx' hz'.
have ratio (y : 'rV_c) : y *m W != 0 -> rho_sq (y *m W) (y *m M) <= (norm y / norm (y *m W)) ^+ 2 * e ^+ 2.
  move=> hy; have py := norm_gt0 hy; rewrite /rho_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?invr_ge0 ?norm_ge0 //.
  by rewrite mulrAC ler_pM2r ?invr_gt0 // mulrC; exact: hM.
have r1 := ratio _ hx; have r2 := ratio _ hz; have s1 := sim_le1 hx hz.
have q1 := rho_sq_ge0 (x *m W) (x *m M); have q2 := rho_sq_ge0 (z *m W) (z *m M).
set S := sim (x *m W + _) _ in rem *; set s := sim (x *m W) _ in rem s1 *; set D := delta _ _ _ _ in rem hk.
have -> : S - s = D + (S - s - D) by ring.
apply: le_trans (ler_normD _ _) _; apply: lerD => //; apply: le_trans rem _; rewrite -mulrA.
by apply: ler_pM; [have := normr_ge0 s; lra|rewrite addr_ge0|lra|rewrite mulrDl lerD].
Qed.

Theorem lora_delta c d (W W' : 'M[R]_(c,d)) x z x' z' (k k' : R) :
  x *m W != 0 -> z *m W != 0 -> x' *m W' != 0 -> z' *m W' != 0 -> sim (x *m W) (z *m W) = sim (x' *m W') (z' *m W') ->
  (forall e (M : 'M[R]_(c,d)), 0 <= e -> spectral_le M e -> `|delta (x *m W) (z *m W) (x *m M) (z *m M)| <= k * e) ->
  (forall e (M : 'M[R]_(c,d)), 0 <= e -> spectral_le M e -> `|delta (x' *m W') (z' *m W') (x' *m M) (z' *m M)| <= k' * e) ->
  exists K e0 : R, 0 < e0 /\ forall e (M : 'M[R]_(c,d)), 0 < e <= e0 -> spectral_le M e ->
    x *m (W + M) != 0 -> z *m (W + M) != 0 -> x' *m (W' + M) != 0 -> z' *m (W' + M) != 0 ->
    `|sim (x *m (W + M)) (z *m (W + M)) - sim (x' *m (W' + M)) (z' *m (W' + M))| <= e * (k + k') + K * e ^+ 2.
Proof.
move=> hx hz hx' hz' hs hk hk'; pose r (V : 'M[R]_(c,d)) y := (norm y / norm (y *m V)) ^+ 2.
exists (4 * (r W x + r W z) + 4 * (r W' x' + r W' z')), 1; split=> // e M /andP[/ltW e0 _] hM n1 n2 n3 n4.
have m1 := one_model hx hz e0 hM (hk _ _ e0 hM) n1 n2; have m2 := one_model hx' hz' e0 hM (hk' _ _ e0 hM) n3 n4.
rewrite hs -/(r W x) -/(r W z) in m1; rewrite -/(r W' x') -/(r W' z') in m2.
move: (sim (x *m (W + M)) _) (sim (x' *m (W' + M)) _) (sim (x' *m W') _) m1 m2 => S S' s m1 m2.
have -> : S - S' = (S - s) - (S' - s) by ring.
apply: le_trans (ler_normB _ _) _; apply: le_trans (lerD m1 m2) _; lra.
Qed.

(* a direction M of norm 1 that raises one cosine by k e and lowers the other by k' e *)
Theorem needs_all c d (W W' M : 'M[R]_(c,d)) x z x' z' (k k' C K e0 : R) :
  x *m W != 0 -> z *m W != 0 -> x' *m W' != 0 -> z' *m W' != 0 -> sim (x *m W) (z *m W) = sim (x' *m W') (z' *m W') ->
  spectral_le M 1 -> delta (x *m W) (z *m W) (x *m M) (z *m M) = k -> delta (x' *m W') (z' *m W') (x' *m M) (z' *m M) = - k' ->
  0 < e0 -> (forall r (A : 'M[R]_(c,r)) (B : 'M[R]_(r,d)) e, 0 < e <= e0 -> spectral_le (A *m B) e ->
    x *m (W + A *m B) != 0 -> z *m (W + A *m B) != 0 -> x' *m (W' + A *m B) != 0 -> z' *m (W' + A *m B) != 0 ->
    `|sim (x *m (W + A *m B)) (z *m (W + A *m B)) - sim (x' *m (W' + A *m B)) (z' *m (W' + A *m B))| <= C * e + K * e ^+ 2) ->
  k + k' <= C.
Proof.
move=> hx hz hx' hz' hs hM dk dk' h0 H; pose r (V : 'M[R]_(c,d)) y := norm y / norm (y *m V).
have r0 V y : 0 <= r V y by rewrite divr_ge0 ?norm_ge0.
pose T := 2 * (1 + r W x + r W z + r W' x' + r W' z').
have T0 : 0 < T by rewrite /T; have := r0 W x; have := r0 W z; have := r0 W' x'; have := r0 W' z'; lra.
pose e1 := Num.min e0 (1 / T); have h1 : 0 < e1 by rewrite lt_min h0 divr_gt0.
apply: le_trans (ler_norm _) _; have -> : k + k' = delta (x *m W) (z *m W) (x *m M) (z *m M)
   - delta (x' *m W') (z' *m W') (x' *m M) (z' *m M) by rewrite dk dk' opprK.
apply: (criterion (K := K) (e0 := e1)) => // e /andP[e_gt]; rewrite le_min ler_pdivlMr // => /andP[e_le eT].
have step (V : 'M[R]_(c,d)) y : y *m V + e *: (y *m M) = y *m (V + e%:M *m M).
  by rewrite mulmxDr mul_scalar_mx -scalemxAr.
have nz (V : 'M[R]_(c,d)) y : y *m V != 0 -> e * r V y <= 1 / 2 -> y *m (V + e%:M *m M) != 0.
  move=> hy he; rewrite -step; apply: (@stays _ _ _ _ (1 / 2)) => //; last by lra.
  have py := norm_gt0 hy; rewrite normZ gtr0_norm //.
  have m : e * norm (y *m M) <= e * (r V y * norm (y *m V)).
    by rewrite ler_pM2l // /r divfK ?gt_eqF //; have := hM y; rewrite mul1r.
  by apply: le_trans m _; rewrite mulrA ler_pM2r.
have p V y : 0 <= e * r V y by rewrite mulr_ge0 // ltW.
have p1 := p W x; have p2 := p W z; have p3 := p W' x'; have p4 := p W' z'; rewrite /T in eT.
rewrite !step; apply: H; rewrite ?e_gt ?e_le //; try by apply: nz => //; lra.
by move=> y; rewrite mul_scalar_mx -scalemxAr normZ gtr0_norm // ler_pM2l //; have := hM y; rewrite mul1r.
Qed.

(* the universal halves *)
Lemma times_root (q X : R) : 0 < q -> q * Num.sqrt X = Num.sqrt (q ^+ 2 * X).
Proof. by move=> q0; rewrite sqrtrM ?sqr_ge0 // sqrtr_sqr gtr0_norm. Qed.
Lemma gradient_data c d (W : 'M[R]_(c,d)) x z e M a b : x != 0 -> z != 0 -> x *m W != 0 -> z *m W != 0 -> 0 <= e ->
  spectral_le M e -> a = norm x / norm (x *m W) -> b = norm z / norm (z *m W) ->
  `|delta (x *m W) (z *m W) (x *m M) (z *m M)| <= sine (x *m W) (z *m W) * Num.sqrt ((a - b) ^+ 2
    + 2 * a * b * (1 - (sim x z * sim (x *m W) (z *m W) - sine x z * sine (x *m W) (z *m W)))) * e.
Proof.
move=> x0 z0 hx hz e0 hM ha hb; set s := sim (x *m W) _; set q := sine (x *m W) _.
have q0 : 0 <= q by exact: sine_ge0. have qq : q ^+ 2 = 1 - s ^+ 2 by exact: sine_sq.
have [z1|qn] := eqVneq q 0.
  by have := delta_sharp (x *m M) (z *m M) hx hz; rewrite -/q z1 !mul0r.
have qp : 0 < q by rewrite lt_def qn.
have s1 : -1 < s < 1 by have := exprn_gt0 2 qp; rewrite qq => h; apply/andP; split; nra.
have [ee ff ef] := orthonormal hx hz s1.
rewrite -!plusM -!minusM in ee ff ef.
have := independent ee ff ef; have [gs gd] := gram_plane x z hx hz s1; rewrite gd => D0.
have px := norm_gt0 hx; have pz := norm_gt0 hz; have nx := norm_gt0 x0; have nz := norm_gt0 z0.
have a0 : 0 < a by rewrite ha divr_gt0. have b0 : 0 < b by rewrite hb divr_gt0.
have g12 : dot x z / (norm (x *m W) * norm (z *m W)) = a * b * sim x z by rewrite ha hb /sim; field; rewrite !gt_eqF.
have sq : sine x z ^+ 2 = 1 - sim x z ^+ 2 by exact: sine_sq.
rewrite -ha -hb g12 -/s -qq in gs gd D0.
pose D := a * b * sine x z / q.
have DD : D ^+ 2 = (a ^+ 2 * b ^+ 2 - (a * b * sim x z) ^+ 2) / q ^+ 2.
  by rewrite /D; transitivity ((a * b) ^+ 2 * sine x z ^+ 2 / q ^+ 2); [|rewrite sq]; field; rewrite gt_eqF.
have Dp : 0 < D.
  rewrite lt_def; apply/andP; split; last by rewrite !mulr_ge0 ?sine_ge0 ?invr_ge0 ?(ltW a0) ?(ltW b0).
  by apply: contraL D0 => /eqP h; rewrite -DD h expr0n ltxx.
have H := @delta_plane _ _ _ x z _ _ hx hz s1 _ _ _ e0 hM Dp; cbv zeta in H; rewrite gd gs DD -/s -qq in H.
apply: le_trans (H erefl) _.
rewrite le_eqVlt; apply/orP; left; apply/eqP; congr (_ * _).
transitivity (q * (q * Num.sqrt ((a ^+ 2 + b ^+ 2 - 2 * (a * b * sim x z) * s) / q ^+ 2 + 2 * D))); first by ring.
congr (_ * _); rewrite times_root //; congr Num.sqrt.
by rewrite /D; field; rewrite gt_eqF.
Qed.

Lemma gradient_weights c d (W : 'M[R]_(c,d)) x z e M lo hi : \rank W = c -> singular 1 W lo -> singular 2 W hi ->
  x *m W != 0 -> z *m W != 0 -> 0 <= e -> spectral_le M e ->
  `|delta (x *m W) (z *m W) (x *m M) (z *m M)| <= sine (x *m W) (z *m W) ^+ 2 * (1 / lo + 1 / hi) * e.
Proof.
move=> hr hlo hhi hx hz e0 hM; set s := sim (x *m W) (z *m W); set q := sine (x *m W) _.
have q0 : 0 <= q by exact: sine_ge0. have qq : q ^+ 2 = 1 - s ^+ 2 by exact: sine_sq.
have [z1|qn] := eqVneq q 0.
  by have := delta_sharp (x *m M) (z *m M) hx hz; rewrite -/q z1 expr0n !mul0r.
have qp : 0 < q by rewrite lt_def qn.
have s1 : -1 < s < 1 by have := exprn_gt0 2 qp; rewrite qq => h; apply/andP; split; nra.
have [ee ff ef] := orthonormal hx hz s1; rewrite -!plusM -!minusM in ee ff ef.
have D0 := independent ee ff ef; have DD := sqr_sqrtr (ltW D0); rewrite -sqrtr_gt0 in D0.
have l0 := singular_gt0 hr (ltn0Sn 0) hlo; have h0 := singular_gt0 hr (ltn0Sn 1) hhi.
have H := @delta_plane _ _ _ x z _ _ hx hz s1 _ _ _ e0 hM D0 DD; cbv zeta in H; rewrite -/s -qq in H; apply: le_trans H _.
rewrite ler_wpM2r // ler_wpM2l ?sqr_ge0 //.
exact: (plane_le ee ff ef (full_wide hr) hlo hhi l0 h0 D0 DD).
Qed.
End Lora.
End Lora.

(* A pair of inputs in the plane with given lengths and cosines, and what diag(1, -1) does to its outputs. *)
Module Mirrored.
Import Norms Cosine FirstOrder Output Plane Gradient Lora.
Section Mirrored.
Variable R : rcfType.

(* instances in the plane: the outputs of Plane.v, and a symmetric matrix that takes them back to the inputs *)
Definition sym2 (f g h : R) : 'M[R]_2 := \matrix_(i, j) (if i == j then (if i == 0 then f else h) else g).
Lemma row2_sym a b f g h : row2 a b *m sym2 f g h = row2 (a * f + b * g) (a * g + b * h).
Proof.
apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=.
by case: j => [[|[|//]] H]; rewrite /= addr0.
Qed.
Lemma inverse_sym f g h (x : 'rV[R]_2) : f * h - g ^+ 2 != 0 ->
  x *m sym2 f g h *m ((f * h - g ^+ 2)^-1 *: sym2 h (- g) f) = x.
Proof.
move=> D; rewrite (row2P x) row2_sym -scalemxAr row2_sym row2Z; congr row2; field; exact: D.
Qed.
Lemma delta_negated n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> delta (- u) (- v) du dv = - delta u v du dv.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
by rewrite /delta /sim !normN !(dotNl, dotNr); field; rewrite !gt_eqF.
Qed.
Lemma sim_negated n (u v : 'rV[R]_n) : sim (- u) (- v) = sim u v.
Proof. by rewrite /sim !normN dotNl dotNr opprK. Qed.

Section Pair.
Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).
Let s := p ^+ 2 - q ^+ 2.
Lemma norm_y : norm (y1 p q) = 1 /\ norm (y2 p q) = 1.
Proof. by rewrite /norm !dot2 mulrNN -!expr2 circle sqrtr1. Qed.
Lemma sine_y : sine (y1 p q) (y2 p q) = 2 * p * q.
Proof.
have [e _] := plane_sim circle; rewrite /sine e.
transitivity (Num.sqrt ((p ^+ 2 + q ^+ 2) ^+ 2 - (p ^+ 2 - q ^+ 2) ^+ 2)); first by rewrite circle expr1n.
transitivity (Num.sqrt ((2 * p * q) ^+ 2)); first by congr Num.sqrt; ring.
by rewrite sqrtr_sqr ger0_norm // !mulr_ge0 // ltW.
Qed.
Lemma delta_y f g h : delta (y1 p q) (y2 p q) (y1 p q *m sym2 f g h *m diag2 1 (-1)) (y2 p q *m sym2 f g h *m diag2 1 (-1))
  = (2 * p * q) ^+ 2 * (f + h).
Proof.
have [e _] := plane_sim circle; have [n1 n2] := norm_y.
rewrite /delta e n1 n2 /y1 /y2 !row2_sym !dot2 !mulr1 expr1n !divr1.
transitivity (2 * (p ^+ 2 * f + q ^+ 2 * h) - 2 * (p ^+ 2 - q ^+ 2) * (p ^+ 2 * f - q ^+ 2 * h)); first by ring.
transitivity (2 * (p ^+ 2 * f + q ^+ 2 * h) * (p ^+ 2 + q ^+ 2) - 2 * (p ^+ 2 - q ^+ 2) * (p ^+ 2 * f - q ^+ 2 * h)); last by ring.
by rewrite circle mulr1.
Qed.
Lemma size_x f g h : [/\ dot (y1 p q *m sym2 f g h) (y1 p q *m sym2 f g h)
      = p ^+ 2 * (f ^+ 2 + g ^+ 2) + 2 * p * q * (g * (f + h)) + q ^+ 2 * (g ^+ 2 + h ^+ 2),
    dot (y2 p q *m sym2 f g h) (y2 p q *m sym2 f g h)
      = p ^+ 2 * (f ^+ 2 + g ^+ 2) - 2 * p * q * (g * (f + h)) + q ^+ 2 * (g ^+ 2 + h ^+ 2)
  & dot (y1 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = p ^+ 2 * (f ^+ 2 + g ^+ 2) - q ^+ 2 * (g ^+ 2 + h ^+ 2)].
Proof. by rewrite /y1 /y2 !row2_sym !dot2; split; ring. Qed.

(* lengths a, b of the inputs and their cosine cx *)
Lemma of_data (cx a b : R) : -1 < cx < 1 -> 0 < a -> 0 < b -> exists (W : 'M[R]_2) x z,
  [/\ x *m W = y1 p q, z *m W = y2 p q, norm x = a, norm z = b & sim x z = cx] /\
  delta (y1 p q) (y2 p q) (x *m diag2 1 (-1)) (z *m diag2 1 (-1)) = (2 * p * q) * Num.sqrt ((a - b) ^+ 2
    + 2 * a * b * (1 - (cx * s - Num.sqrt (1 - cx ^+ 2) * (2 * p * q)))).
Proof.
move=> /andP[c1 c2] a0 b0; pose sx := Num.sqrt (1 - cx ^+ 2).
have sx0 : 0 < sx by rewrite sqrtr_gt0; nra.
have sxx : sx ^+ 2 = 1 - cx ^+ 2 by rewrite sqr_sqrtr //; nra.
pose P := (a ^+ 2 + b ^+ 2 + 2 * a * b * cx) / (4 * p ^+ 2); pose Q := (a ^+ 2 + b ^+ 2 - 2 * a * b * cx) / (4 * q ^+ 2).
pose C := (a ^+ 2 - b ^+ 2) / (4 * p * q); pose D := a * b * sx / (2 * p * q).
have ab : 0 < a * b by rewrite mulr_gt0.
have P0 : 0 < P by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); nra.
have Q0 : 0 < Q by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); nra.
have D0 : 0 < D by rewrite /D divr_gt0 ?mulr_gt0.
have DD : P * Q - C ^+ 2 = D ^+ 2.
  transitivity ((a * b) ^+ 2 * (1 - cx ^+ 2) / (2 * p * q) ^+ 2); first by rewrite /P /Q /C; field; rewrite !gt_eqF.
  by rewrite -sxx /D; field; rewrite !gt_eqF.
pose n := Num.sqrt (P + Q + 2 * D).
have n0 : 0 < n by rewrite sqrtr_gt0; lra.
have nn : n ^+ 2 = P + Q + 2 * D by rewrite sqr_sqrtr //; lra.
pose f := (P + D) / n; pose g := C / n; pose h := (Q + D) / n.
have CC : C ^+ 2 = P * Q - D ^+ 2 by rewrite -DD; ring.
have det : f * h - g ^+ 2 = D.
  transitivity (((P + D) * (Q + D) - C ^+ 2) / n ^+ 2); first by rewrite /f /g /h; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have ff : f ^+ 2 + g ^+ 2 = P.
  transitivity (((P + D) ^+ 2 + C ^+ 2) / n ^+ 2); first by rewrite /f /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have hh : g ^+ 2 + h ^+ 2 = Q.
  transitivity ((C ^+ 2 + (Q + D) ^+ 2) / n ^+ 2); first by rewrite /h /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have gg : g * (f + h) = C.
  transitivity (C * (P + Q + 2 * D) / n ^+ 2); first by rewrite /f /g /h; field; rewrite gt_eqF.
  rewrite nn; field; rewrite gt_eqF //; lra.
have tr : f + h = n.
  transitivity ((P + Q + 2 * D) / n); first by rewrite /f /h; field; rewrite gt_eqF.
  rewrite -nn; field; rewrite gt_eqF //; lra.
have [ex ez exz] := size_x f g h; rewrite ff hh gg in ex ez exz.
have {}ex : dot (y1 p q *m sym2 f g h) (y1 p q *m sym2 f g h) = a ^+ 2 by rewrite ex /P /Q /C; field; rewrite !gt_eqF.
have {}ez : dot (y2 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = b ^+ 2 by rewrite ez /P /Q /C; field; rewrite !gt_eqF.
have {}exz : dot (y1 p q *m sym2 f g h) (y2 p q *m sym2 f g h) = a * b * cx by rewrite exz /P /Q; field; rewrite !gt_eqF.
exists (D^-1 *: sym2 h (- g) f), (y1 p q *m sym2 f g h), (y2 p q *m sym2 f g h).
have nx : norm (y1 p q *m sym2 f g h) = a by rewrite /norm ex sqrtr_sqr gtr0_norm.
have nz : norm (y2 p q *m sym2 f g h) = b by rewrite /norm ez sqrtr_sqr gtr0_norm.
split; first split => //.
- by rewrite -det inverse_sym // det gt_eqF.
- by rewrite -det inverse_sym // det gt_eqF.
- by rewrite /sim nx nz exz; field; rewrite !gt_eqF.
rewrite delta_y tr expr2 -mulrA; congr (_ * _).
have pq : 0 < 2 * p * q by rewrite !mulr_gt0.
rewrite /n times_root //; congr Num.sqrt.
rewrite -/sx /P /Q /D /s; transitivity ((a ^+ 2 + b ^+ 2) * (p ^+ 2 + q ^+ 2) - 2 * a * b * cx * (p ^+ 2 - q ^+ 2) + 4 * p * q * (a * b * sx)).
  by field; rewrite !gt_eqF.
by rewrite circle; ring.
Qed.
End Pair.

End Mirrored.
End Mirrored.
