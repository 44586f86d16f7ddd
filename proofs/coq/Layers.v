(* One layer with an adapter: how far the cosine of two outputs can move (Props. 1 and 2), and what attains the bounds. *)
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
  rewrite -(ler_pM2l pab); clear -h1 h2 h3 ppr pab; nra.
have g2 : m ^+ 2 * (a * b) * (1 - s) <= (p * r) * (1 - S).
  have h3 : 0 <= m ^+ 2 * (r * a - p * b) ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
  rewrite -(ler_pM2l ppr); clear -g1 h1 h2 h3 ppr; nra.
have n1 : 0 <= 1 - s by clear -s2 s1; lra. have n2 : 0 <= 1 + s by clear -n1 s2 s1 hM hm; lra.
have q1 : 0 <= m ^+ 2 * (a * b) * (1 - s) by rewrite !mulr_ge0 ?sqr_ge0 // ltW.
have q2 : 0 <= M ^+ 2 * (a * b) * (1 + s) by rewrite !mulr_ge0 ?sqr_ge0 // ltW.
have := ler_wpM2l q1 g1; have := ler_wpM2l q2 g2 => k2 k1.
have k : m ^+ 2 * (a * b) * (1 - s) * (p * r * (1 + S)) <= M ^+ 2 * (a * b) * (1 + s) * (p * r * (1 - S)).
  by apply: le_trans k1 _; rewrite mulrC; exact: k2.
have pk : 0 < (a * b) * (p * r) by rewrite mulr_gt0.
by rewrite -(ler_pM2l pk); clear -k1 k pk; lra.
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
  clear -h2 h1; lra.
have -> : m ^+ 2 * (M ^+ 2 / m ^+ 2 * ((1 - s) * (1 + S))) = M ^+ 2 * (1 - s) * (1 + S) by field; rewrite gt_eqF.
clear -h2 h1; lra.
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
have hd : 0 < q ^+ 2 + 1 by clear -g1 g2 q2; lra.
have ht : t * (q ^+ 2 + 1) = q ^+ 2 - 1 by rewrite /t divfK // gt_eqF.
move: (q ^+ 2) q2 hd ht g1 g2 => Q q2 hd ht g1 g2.
have t0 : 0 <= t by rewrite -(pmulr_lge0 _ hd) ht; clear -q2; lra.
have t1 : t < 1 by rewrite -(ltr_pM2r hd) ht; clear; lra.
split; first by rewrite t0.
  rewrite -(ler_pM2r hd).
  have -> : S * (1 + s * t) * (Q + 1) = S * (Q + 1) + S * s * (t * (Q + 1)) by ring.
  rewrite [X in _ <= X]mulrDl ht; clear -g2 g1; lra.
rewrite -(ler_pM2r hd).
have -> : S * (1 - s * t) * (Q + 1) = S * (Q + 1) - S * s * (t * (Q + 1)) by ring.
rewrite [X in X <= _]mulrBl ht; clear -g2 g1; lra.
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
   rewrite -ler_pdivrMr // in b'; rewrite ler_norml; clear -b' a' b a hm; lra.
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
rewrite -subr_ge0 h; apply: mulr_ge0; first by rewrite mulr_ge0 //; clear -t0; lra.
clear -h hp d c b; nra.
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
have k : 0 <= 1 - s ^+ 2 by clear -h s1 s2; nra.
apply: lerD; first by clear -k t2; nra.
have : tau e ^+ 3 <= (2 * e) ^+ 3 by rewrite ler_pXn2r ?nnegrE //; clear -ht t2; lra.
by rewrite exprMn; clear; lra.
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
have hs : -1 <= p ^+ 2 - q ^+ 2 <= 1 by clear -c circle Q0 P0 qq; lra.
have ht : 0 <= tau e < 1 by have [-> -> _] := @tau_bounds R e ltac:(clear -e1 e0 q0; lra).
have [g1 g2 ->] := gapE hs ht.
have u0 : 0 < (1 + e) ^+ 2 by rewrite exprn_gt0 //; lra.
have v0 : 0 < (1 - e) ^+ 2 by rewrite exprn_gt0 //; lra.
have d0 : 0 < 1 + e ^+ 2 by have := sqr_ge0 e; clear -g2 g1; lra.
move: (p ^+ 2) (q ^+ 2) c P0 Q0 hs g1 g2 => P Q c P0 Q0 hs g1 g2.
have d1 : 0 < P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2 by rewrite addr_gt0 // mulr_gt0.
have d2 : 0 < P * (1 - e) ^+ 2 + Q * (1 + e) ^+ 2 by rewrite addr_gt0 // mulr_gt0.
have f1 : ((P - Q) + tau e) / (1 + (P - Q) * tau e) = (P * (1 + e) ^+ 2 - Q * (1 - e) ^+ 2) / (P * (1 + e) ^+ 2 + Q * (1 - e) ^+ 2).
  have hQ : Q = 1 - P by clear -c v0; lra.
  apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP; rewrite hQ /tau; field; by rewrite gt_eqF.
have f2 : ((P - Q) - tau e) / (1 - (P - Q) * tau e) = (P * (1 - e) ^+ 2 - Q * (1 + e) ^+ 2) / (P * (1 - e) ^+ 2 + Q * (1 + e) ^+ 2).
  have hQ : Q = 1 - P by clear -c d0; lra.
  apply/eqP; rewrite eqr_div; [|by rewrite gt_eqF|by rewrite gt_eqF]; apply/eqP; rewrite hQ /tau; field; by rewrite gt_eqF.
rewrite f1 f2 ger0_norm // subr_ge0 ler_pdivrMr // mulrAC ler_pdivlMr //.
have PQ : 0 <= P * Q by rewrite mulr_ge0 ?ltW.
have : 0 <= 2 * (P * Q) * (((1 + e) ^+ 2) ^+ 2 - ((1 - e) ^+ 2) ^+ 2).
  by apply: mulr_ge0; [lra|rewrite subr_ge0 ler_pXn2r ?nnegrE ?(ltW u0) ?(ltW v0) //; nra].
clear -f2 f1; lra.
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
have a0 : 0 < a by rewrite /a; clear -hD ef Q0 P0 D0; lra.
have t0 : 0 < t by rewrite mulr_gt0 //; clear -hD ef Q0 P0 D0; lra.
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
  by have := sqr_ge0 (norm u * norm w - t * norm z); clear; lra.
have ta : t + dot w w = a * (a + k) by rewrite ww -ak; ring.
have : t * (a * (dot y e + dot z f)) ^+ 2 <= eps ^+ 2 * (a * t) * (a * (a + k)).
  rewrite split; apply: le_trans cs _; rewrite ta ler_wpM2r // mulr_ge0 ?ltW // /k; clear -a0 P0 D0; lra.
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
Let hh : h ^+ 2 = 2 * (1 + s). Proof. by case/andP: s1 => a b; rewrite sqr_sqrtr //; clear -h0 s1 k0 hv hu a b; lra. Qed.
Let kk : k ^+ 2 = 2 * (1 - s). Proof. by case/andP: s1 => a b; rewrite sqr_sqrtr //; clear -k0 s1 hh h0 hv hu a b; lra. Qed.
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
have s0 : 0 <= 1 - s ^+ 2 by clear -ef ff ee b1 a1 D0 e0 s1 hv; nra.
have S0 : 0 <= dot p p + dot q q + 2 * D by have := dot_ge0 p; have := dot_ge0 q; clear -a1 D0 e0 s1; lra.
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
have rr : r ^+ 2 = (P - Q) ^+ 2 + 4 * C ^+ 2 by rewrite sqr_sqrtr //; have := sqr_ge0 (P - Q); have := sqr_ge0 C; clear; lra.
have len (x y : R) : dot (x *: p + y *: q) (x *: p + y *: q) = x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q.
  by rewrite !(dotDl, dotDr, dotZl, dotZr) (dotC q p) -/P -/Q -/C; ring.
have out (x y : R) : dot ((x *: p + y *: q) *m W) ((x *: p + y *: q) *m W) = x ^+ 2 + y ^+ 2.
  by rewrite mulmxDl -!scalemxAl !(dotDl, dotDr, dotZl, dotZr) (dotC (q *m W)) ee ff ef; ring.
pose l := (P + Q + r) / 2; pose m := (P + Q - r) / 2.
have lm : l * m = D ^+ 2 by rewrite hD /l /m; transitivity (((P + Q) ^+ 2 - r ^+ 2) / 4); [field|rewrite rr; field].
have l0 : 0 < l.
  rewrite /l divr_gt0 // ltr_wpDr // lt_def addr_ge0 // andbT; apply/eqP => z.
  have hP : P = 0 by clear -z Q0 P0 D0 b0; lra. have hD' := exprn_gt0 2 D0; rewrite hD hP mul0r sub0r in hD'.
  by have := sqr_ge0 C; clear -z hP hD'; lra.
have m0 : 0 < m by rewrite -(pmulr_rgt0 _ l0) lm exprn_gt0.
have la : Num.sqrt l <= 1 / a.
  have [x [y [xy]]] : exists x y : R, 0 < x ^+ 2 + y ^+ 2 /\ x ^+ 2 * P + 2 * x * y * C + y ^+ 2 * Q = l * (x ^+ 2 + y ^+ 2).
    have root : l ^+ 2 = l * (P + Q) - (P * Q - C ^+ 2).
      have -> : l ^+ 2 = l * (P + Q) - l * m by rewrite /l /m; field.
      by rewrite lm hD.
    have [lP|lP] := eqVneq l P.
      have C0 : C ^+ 2 = 0 by rewrite lP in root; clear -root hD; lra.
      by exists 1, 0; split; [clear; lra|rewrite lP; ring].
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
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; clear; lra.
      by rewrite -[(P - Q) ^+ 2]real_normK ?num_real // ler_pXn2r ?nnegrE // ler_norml /m => /andP[h _]; lra.
    have qm : 0 <= Q - m.
      have : (P - Q) ^+ 2 <= r ^+ 2 by rewrite rr; have := sqr_ge0 C; clear; lra.
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
by apply: ler_pM; [have := normr_ge0 s; clear -s1 D hk; lra|rewrite addr_ge0|clear -s1 D hk; lra|rewrite mulrDl lerD].
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
apply: le_trans (ler_normB _ _) _; apply: le_trans (lerD m1 m2) _; clear; lra.
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
have T0 : 0 < T by rewrite /T; have := r0 W x; have := r0 W z; have := r0 W' x'; have := r0 W' z'; clear; lra.
pose e1 := Num.min e0 (1 / T); have h1 : 0 < e1 by rewrite lt_min h0 divr_gt0.
apply: le_trans (ler_norm _) _; have -> : k + k' = delta (x *m W) (z *m W) (x *m M) (z *m M)
   - delta (x' *m W') (z' *m W') (x' *m M) (z' *m M) by rewrite dk dk' opprK.
apply: (criterion (K := K) (e0 := e1)) => // e /andP[e_gt]; rewrite le_min ler_pdivlMr // => /andP[e_le eT].
have step (V : 'M[R]_(c,d)) y : y *m V + e *: (y *m M) = y *m (V + e%:M *m M).
  by rewrite mulmxDr mul_scalar_mx -scalemxAr.
have nz (V : 'M[R]_(c,d)) y : y *m V != 0 -> e * r V y <= 1 / 2 -> y *m (V + e%:M *m M) != 0.
  move=> hy he; rewrite -step; apply: (@stays _ _ _ _ (1 / 2)) => //; last by clear -hy he; lra.
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
have s1 : -1 < s < 1 by have := exprn_gt0 2 qp; rewrite qq => h; apply/andP; split; clear -h; nra.
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
have s1 : -1 < s < 1 by have := exprn_gt0 2 qp; rewrite qq => h; apply/andP; split; clear -h; nra.
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
have sx0 : 0 < sx by rewrite sqrtr_gt0; clear -circle b0 a0 c2 c1; nra.
have sxx : sx ^+ 2 = 1 - cx ^+ 2 by rewrite sqr_sqrtr //; clear -circle b0 a0 c2 c1; nra.
pose P := (a ^+ 2 + b ^+ 2 + 2 * a * b * cx) / (4 * p ^+ 2); pose Q := (a ^+ 2 + b ^+ 2 - 2 * a * b * cx) / (4 * q ^+ 2).
pose C := (a ^+ 2 - b ^+ 2) / (4 * p * q); pose D := a * b * sx / (2 * p * q).
have ab : 0 < a * b by rewrite mulr_gt0.
have P0 : 0 < P by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); clear -ab c1; nra.
have Q0 : 0 < Q by rewrite divr_gt0 ?mulr_gt0 ?exprn_gt0 //; have := sqr_ge0 (a - b); clear -ab circle b0 a0 c2; nra.
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
  rewrite CC nn; field; rewrite gt_eqF //; clear -D0 Q0 P0; lra.
have ff : f ^+ 2 + g ^+ 2 = P.
  transitivity (((P + D) ^+ 2 + C ^+ 2) / n ^+ 2); first by rewrite /f /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have hh : g ^+ 2 + h ^+ 2 = Q.
  transitivity ((C ^+ 2 + (Q + D) ^+ 2) / n ^+ 2); first by rewrite /h /g; field; rewrite gt_eqF.
  rewrite CC nn; field; rewrite gt_eqF //; lra.
have gg : g * (f + h) = C.
  transitivity (C * (P + Q + 2 * D) / n ^+ 2); first by rewrite /f /g /h; field; rewrite gt_eqF.
  rewrite nn; field; rewrite gt_eqF //; clear -D0 Q0 P0; lra.
have tr : f + h = n.
  transitivity ((P + Q + 2 * D) / n); first by rewrite /f /h; field; rewrite gt_eqF.
  rewrite -nn; field; rewrite gt_eqF //; clear; lra.
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

(* Prop. 2, input adaptation: the sharp finite bound for every c, and what follows for small e. *)
Module Input.
Import Norms Cosine Output.
Section Quadratic.
Variables (R : rcfType) (c : nat) (G : 'M[R]_c) (a b h mu : R).
Hypothesis sym : G^T = G.
Hypothesis low : forall z : 'rV_c, a * dot z z <= dot z (z *m G).
Hypothesis up : forall z : 'rV_c, dot z (z *m G) <= b * dot z z.
Hypothesis a0 : 0 < a. Hypothesis ab : a < b. Hypothesis h0 : 0 <= h.
Hypothesis mu_root : mu ^+ 2 = h * (a + b) * mu + 1 - h ^+ 2 * (a * b).
Hypothesis mu_large : h * b < mu.

Lemma dotG (u w : 'rV[R]_c) : dot (u *m G) w = dot u (w *m G).
Proof. by rewrite dot_mx sym. Qed.

(* (b - G)(G - a) >= 0 *)
Lemma middle z : 0 <= (a + b) * dot z (z *m G) - dot z (z *m G *m G) - a * b * dot z z.
Proof.
have h1 := low (b *: z - z *m G); have h2 := up (z *m G - a *: z); move: h1 h2.
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG.
move: (dot z z) (dot z (z *m G)) (dot z (z *m G *m G)) (dot z (z *m G *m G *m G)) => m0 m1 m2 m3 h1 h2.
have hba : 0 < b - a by rewrite subr_gt0.
by rewrite -(pmulr_rge0 _ hba); clear -h2 h1 mu_large up; lra.
Qed.
(* (b - G)(G - a)(b - G) >= 0 *)
Lemma outer z : 0 <= b ^+ 2 * dot z (z *m G) - 2 * b * dot z (z *m G *m G) + dot z (z *m G *m G *m G)
  - a * (b ^+ 2 * dot z z - 2 * b * dot z (z *m G) + dot z (z *m G *m G)).
Proof.
have := low (b *: z - z *m G).
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG; clear -ab a0 sym h0 mu_root mu_large; lra.
Qed.

Theorem form (x w : 'rV[R]_c) :
  2 * dot x (w *m G) + h * (a * b) * dot x x + h * dot (w *m G) (w *m G) <= mu * (dot x (x *m G) + dot w (w *m G)).
Proof.
have a1 := a0; have ab1 := ab; have h1 := h0; have mu1 := mu_root; have mu2 := mu_large.
pose X : 'M[R]_c := mu *: 1%:M - h *: G.
have XE (z : 'rV[R]_c) : z *m X = mu *: z - h *: (z *m G).
  by rewrite /X mulmxBr -!scalemxAr mulmx1.
have d0 : 0 < mu - h * b by rewrite subr_gt0.
have Xpos (z : 'rV[R]_c) : (mu - h * b) * dot z z <= dot z (z *m X).
  rewrite XE dotDr dotNr !dotZr; have := ler_wpM2l h0 (up z); clear -XE mu1 mu_root d0 mu2; lra.
have Xunit : X \in unitmx.
  rewrite -row_free_unit; apply: inj_row_free => z hz; apply: dot_eq0.
  by have := Xpos z; rewrite hz (dotC z 0) dot0l => k; have := dot_ge0 z; clear -mu2 low ab1 ab h1 k; nra.
have [xi hxi] : exists xi, xi *m X = x by exists (x *m invmx X); rewrite mulmxKV.
have [zeta hw] : exists zeta, w = xi - zeta by exists (xi - w); rewrite opprB addrC subrK.
rewrite -hxi XE hw.
have m1 := middle xi; have o1 := outer xi; have m2 := middle zeta; have lz := low zeta; have uz := up zeta.
have z0 := dot_ge0 zeta.
rewrite !(mulmxBl, =^~ scalemxAl) !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) !dotG.
have -> : dot zeta (xi *m G) = dot xi (zeta *m G) by rewrite dotC !dotG.
have -> : dot zeta (xi *m G *m G) = dot xi (zeta *m G *m G) by rewrite dotC !dotG.
move: (dot xi xi) (dot xi (xi *m G)) (dot xi (xi *m G *m G)) (dot xi (xi *m G *m G *m G)) m1 o1 => p0 p1 p2 p3 m1 o1.
move: (dot zeta zeta) (dot zeta (zeta *m G)) (dot zeta (zeta *m G *m G)) m2 lz uz z0 => r0 r1 r2 m2 lz uz z0.
move: (dot xi (zeta *m G)) (dot xi (zeta *m G *m G)) => c1 c2.
(* zeta G X zeta >= 0 and xi X (b - G)(G - a) xi >= 0 *)
have gx : 0 <= mu * r1 - h * r2.
  have k1 : 0 <= (mu - h * b) * r1 by rewrite mulr_ge0 // ?(ltW d0) //; nra.
  have k2 : 0 <= h * (a * (b * r0 - r1)) by rewrite !mulr_ge0 ?(ltW a1) //; lra.
  have k3 := mulr_ge0 h1 m2; lra.
have xc : 0 <= mu * ((a + b) * p1 - p2 - a * b * p0) - h * ((a + b) * p2 - p3 - a * b * p1).
  have k1 := mulr_ge0 (ltW d0) m1; have k2 := mulr_ge0 h1 o1; clear -c1 c2 gx k1 k2; lra.
have mh : 0 <= mu * h by rewrite mulr_ge0 // ltW //; nra.
have key := mulr_ge0 mh xc.
have e : mu ^+ 2 * (mu * p1 - h * p2) = (h * (a + b) * mu + 1 - h ^+ 2 * (a * b)) * (mu * p1 - h * p2) by rewrite mu1.
clear -key e gx; nra.
Qed.
End Quadratic.

Section Input.
Variable R : rcfType.

(* K = (k + 1/k)/2 for k = cond(W), and the largest singular value that input adaptation can have on the row space *)
Definition mean (k : R) := (k + k^-1) / 2.
Definition mu (k e : R) := mean k * e + Num.sqrt (1 + (mean k ^+ 2 - 1) * e ^+ 2).

Lemma mean_sq (k : R) : 0 < k -> mean k ^+ 2 - 1 = ((k - k^-1) / 2) ^+ 2.
Proof. by move=> hk; rewrite /mean; field; rewrite gt_eqF. Qed.
Lemma mu_spec (k e : R) : 0 < k -> 0 <= e ->
  [/\ mu k e ^+ 2 = 2 * mean k * e * mu k e + 1 - e ^+ 2, 0 < mu k e & k * e < mu k e].
Proof.
move=> hk he; rewrite /mu mean_sq // -exprMn; set g := (k - k^-1) / 2 * e.
have r0 : 0 <= 1 + g ^+ 2 by have := sqr_ge0 g; lra.
have rr : Num.sqrt (1 + g ^+ 2) ^+ 2 = 1 + g ^+ 2 by rewrite sqr_sqrtr.
have hr := sqrtr_ge0 (1 + g ^+ 2); move: (Num.sqrt _) rr hr => q qq q0.
have big : `|g| < q.
  rewrite -(@ltr_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // qq; lra.
have e2 : (mean k * e) ^+ 2 - e ^+ 2 = g ^+ 2 by rewrite /g exprMn [RHS]exprMn -(mean_sq hk); ring.
have m0 : 0 <= mean k * e by rewrite mulr_ge0 // /mean divr_ge0 // addr_ge0 ?invr_ge0 // ltW.
have gk : k * e = mean k * e + g by rewrite /g /mean; clear; lra.
split; first by clear -e2 qq; nra.
  by have := normr_ge0 g; clear -m0 big; lra.
by rewrite gk ltrD2l; exact: le_lt_trans (ler_norm g) big.
Qed.

Lemma gram c d (W : 'M[R]_(c,d)) (x z : 'rV_c) : dot (x *m W) (z *m W) = dot x (z *m (W *m W^T)).
Proof. by rewrite dot_mx mulmxA. Qed.

Lemma am_gm (e l p q : R) : 0 <= e -> 0 < l -> 2 * (e * p * q) <= e / l * l ^+ 2 * p ^+ 2 + e / l * q ^+ 2.
Proof.
move=> he hl; have := mulr_ge0 (divr_ge0 he (ltW hl)) (sqr_ge0 (l * p - q)).
rewrite -subr_ge0 [X in _ -> 0 <= X](_ : _ = e / l * (l * p - q) ^+ 2) //.
by field; rewrite gt_eqF.
Qed.

Section Layer.
Variables (c d : nat) (W : 'M[R]_(c,d)) (lo hi : R).
Hypothesis lo0 : 0 < lo. Hypothesis lohi : lo <= hi.
Hypothesis stretch : forall x : 'rV_c, lo * norm x <= norm (x *m W) <= hi * norm x.

Theorem input_up (M : 'M[R]_c) (e : R) (x : 'rV_c) : 0 <= e -> spectral_le M e ->
  norm (x *m (1%:M + M) *m W) <= mu (hi / lo) e * norm (x *m W).
Proof.
move=> he hM; have l0 := lo0; have lh := lohi; have h0 : 0 < hi by lra.
have k0 : 0 < hi / lo by rewrite divr_gt0.
have [mu1 mu2 mu3] := mu_spec k0 he.
set y := x *m W; set z := x *m (1%:M + M) *m W.
have [heq|hne] := eqVneq lo hi.
  have iso (v : 'rV_c) : norm (v *m W) = lo * norm v.
    by apply/eqP; rewrite eq_le andbC; have := stretch v; rewrite -heq.
  have -> : mu (hi / lo) e = 1 + e.
    by rewrite /mu /mean -heq divff ?gt_eqF // invr1 (_ : (1 + 1) / 2 = 1 :> R) ?expr1n ?subrr ?mul0r ?addr0 ?sqrtr1; clear -z heq iso; lra.
  rewrite /y /z !iso mulrCA; apply: ler_wpM2l; first exact: ltW.
  exact: one_plus_up.
have [e0|n0] := eqVneq z 0; first by rewrite e0 /norm dot0l sqrtr0 mulr_ge0 ?sqrtr_ge0 // ltW.
have pz := norm_gt0 n0.
suff key (t : R) : 2 * (t * dot y z + t * dot (x *m M *m W) z) <= mu (hi / lo) e * (dot y y + t ^+ 2 * dot z z).
  have hzz : dot y z + dot (x *m M *m W) z = norm z ^+ 2.
    by rewrite norm_sq -dotDl -mulmxDl /z mulmxDr mulmx1.
  have := key (norm y / norm z); rewrite -mulrDr hzz -!norm_sq.
  have -> : norm y / norm z * norm z ^+ 2 = norm y * norm z by field; rewrite gt_eqF.
  have -> : (norm y / norm z) ^+ 2 * norm z ^+ 2 = norm y ^+ 2 by field; rewrite gt_eqF.
  have [y0|yn] := eqVneq y 0.
    have x0 : x = 0.
      apply/eqP; apply: contraT => /norm_gt0 px; have /andP[h _] := stretch x.
      by move: h; rewrite -/y y0 {2}/norm dot0l sqrtr0; nra.
    by move: n0; rewrite /z x0 !mul0mx eqxx.
  by have py := norm_gt0 yn => h; rewrite -(ler_pM2l py); clear -py h; nra.
pose G := W *m W^T.
have sym : G^T = G by rewrite /G trmx_mul trmxK.
have hlow (v : 'rV_c) : lo ^+ 2 * dot v v <= dot v (v *m G).
  rewrite -gram -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW l0) //.
  by have /andP[] := stretch v.
have hup (v : 'rV_c) : dot v (v *m G) <= hi ^+ 2 * dot v v.
  rewrite -gram -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW h0) //.
  by have /andP[] := stretch v.
set w := x *m (1%:M + M); have hz : z = w *m W by [].
have cross : t * dot (x *m M *m W) z <= e * norm x * norm ((t *: w) *m G).
  rewrite -dotZr hz scalemxAl gram; apply: le_trans (ler_norm _) _; apply: le_trans (cauchy_norm _ _) _.
  by rewrite ler_wpM2r ?norm_ge0.
have amgm : 2 * (e * norm x * norm ((t *: w) *m G)) <=
    e / (lo * hi) * (lo ^+ 2 * hi ^+ 2) * dot x x + e / (lo * hi) * dot ((t *: w) *m G) ((t *: w) *m G).
  by rewrite -!norm_sq -exprMn; apply: am_gm; rewrite ?mulr_gt0.
have yz : t * dot y z = dot x ((t *: w) *m G) by rewrite -dotZr hz scalemxAl gram.
have yy : dot y y = dot x (x *m G) by rewrite gram.
have zz : t ^+ 2 * dot z z = dot (t *: w) ((t *: w) *m G) by rewrite -gram -scalemxAl -hz dotZl dotZr; ring.
have ab : lo ^+ 2 < hi ^+ 2 by rewrite ltr_pXn2r ?nnegrE ?(ltW l0) ?(ltW h0) // lt_neqAle hne.
have a0 : 0 < lo ^+ 2 by rewrite exprn_gt0.
have hh : 0 <= e / (lo * hi) by rewrite divr_ge0 // mulr_ge0 // ltW.
have root : mu (hi / lo) e ^+ 2 = e / (lo * hi) * (lo ^+ 2 + hi ^+ 2) * mu (hi / lo) e + 1
   - (e / (lo * hi)) ^+ 2 * (lo ^+ 2 * hi ^+ 2).
  by rewrite mu1 /mean; field; rewrite !gt_eqF.
have large : e / (lo * hi) * hi ^+ 2 < mu (hi / lo) e.
  by apply: le_lt_trans mu3; rewrite le_eqVlt; apply/orP; left; apply/eqP; field; rewrite !gt_eqF.
have := form sym hlow hup a0 ab hh root large x (t *: w).
rewrite yz yy zz; move: cross amgm; clear; lra.
Qed.

Theorem input_low (M : 'M[R]_c) (e : R) (x : 'rV_c) : 0 <= e < 1 -> spectral_le M e ->
  (1 - e ^+ 2) * norm (x *m W) <= mu (hi / lo) e * norm (x *m (1%:M + M) *m W).
Proof.
move=> /andP[he he1] hM; have e2 : 0 < 1 - e ^+ 2 by nra.
pose T : 'M[R]_c := 1%:M + M.
have Tunit : T \in unitmx.
  rewrite -row_free_unit; apply: inj_row_free => z hz; apply/eqP; apply: contraT => /norm_gt0 pz.
  have := one_plus_low hM z; rewrite -/T hz {2}/norm dot0l sqrtr0; clear -he1 pz hz; nra.
pose N : 'M[R]_c := (1 - e ^+ 2) *: invmx T - 1%:M.
have hN : spectral_le N e.
  move=> z; have [v ->] : exists v, z = v *m T by exists (z *m invmx T); rewrite mulmxKV.
  have -> : v *m T *m N = - (e ^+ 2 *: v + v *m M).
    rewrite /N mulmxBr mulmx1 -scalemxAr mulmxK // /T mulmxDr mulmx1.
    by apply/rowP => i; rewrite !mxE; move: (\sum_j _) => q; ring.
  rewrite normN -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 // exprMn !norm_sq /T mulmxDr mulmx1.
  rewrite !dotDl !dotDr !dotZl !dotZr (dotC (v *m M) v).
  have := spectral_le_sq he hM v; move: (dot v v) (dot v (v *m M)) (dot (v *m M) (v *m M)) => p q r h.
  by have := mulr_ge0 (ltW e2) (_ : 0 <= e ^+ 2 * p - r); rewrite subr_ge0 => /(_ h); lra.
have := input_up (x *m T) he hN.
have -> : x *m T *m (1%:M + N) = (1 - e ^+ 2) *: x.
  by rewrite /N addrC subrK -scalemxAr mulmxK.
by rewrite -scalemxAl normZ gtr0_norm.
Qed.

Lemma full_row (x : 'rV[R]_c) : x *m W != 0 -> x != 0.
Proof. by apply: contra => /eqP ->; rewrite mul0mx. Qed.

Theorem input_shift (M : 'M[R]_c) (e : R) (x1 x2 : 'rV_c) : 0 <= e < 1 -> spectral_le M e ->
  x1 *m W != 0 -> x2 *m W != 0 ->
  artanh_within (sim (x1 *m (1%:M + M) *m W) (x2 *m (1%:M + M) *m W)) (sim (x1 *m W) (x2 *m W))
    (mu (hi / lo) e ^+ 2 / (1 - e ^+ 2)).
Proof.
move=> he hM h1 h2; have /andP[e0 e1] := he; have e2 : 0 < 1 - e ^+ 2 by clear -he hM h1 h2; nra.
have l0 := lo0; have k0 : 0 < hi / lo by rewrite divr_gt0 //; have := lohi; clear -stretch h2 l0; lra.
have [_ m0 _] := mu_spec k0 e0.
have -> : mu (hi / lo) e ^+ 2 / (1 - e ^+ 2) = mu (hi / lo) e / ((1 - e ^+ 2) / mu (hi / lo) e).
  by field; rewrite !gt_eqF.
rewrite -!(mulmxA _ (1%:M + M) W); apply: artanh_shift => //; first by rewrite divr_gt0.
- exact: ltW.
- by move=> z; rewrite mulrAC ler_pdivrMr // [X in _ <= X]mulrC mulmxA; exact: input_low.
- by move=> z; rewrite mulmxA; exact: input_up.
Qed.
End Layer.
End Input.
End Input.

(* Rows of two halves, W = diag(I, k I) and AB = e [[0, I], [I, 0]], which turns the outputs of two models apart. *)
Module Halves.
Import Norms Cosine FirstOrder Output Input Plane.
Section Halves.
Variables (R : rcfType) (n : nat) (k : R).
Hypothesis k1 : 1 <= k.
Implicit Types a b : 'rV[R]_n.

Lemma k_gt0 : 0 < k. Proof. exact: lt_le_trans k1. Qed.
Definition stretched : 'M[R]_(n + n) := block_mx 1%:M 0 0 k%:M.
Definition swap : 'M[R]_(n + n) := block_mx 0 1%:M 1%:M 0.
Lemma dot_halves a b a' b' : dot (row_mx a b) (row_mx a' b') = dot a a' + dot b b'.
Proof. by rewrite /dot big_split_ord; congr (_ + _); apply: eq_bigr => i _; rewrite ?row_mxEl ?row_mxEr. Qed.
Lemma halves_swap a b : row_mx a b *m swap = row_mx b a.
Proof. by rewrite mul_row_block !mulmx0 !mulmx1 addr0 add0r. Qed.
Lemma halves_stretched a b : row_mx a b *m stretched = row_mx a (k *: b).
Proof. by rewrite mul_row_block !mulmx0 mulmx1 mul_mx_scalar addr0 add0r. Qed.
Lemma swap_spectral e : 0 <= e -> spectral_le (e *: swap) e.
Proof.
move=> he x; rewrite -scalemxAr normZ ger0_norm // -(hsubmxK x) halves_swap ler_wpM2l //.
by rewrite /norm !dot_halves addrC.
Qed.
Lemma stretched_between (x : 'rV[R]_(n + n)) : 1 * norm x <= norm (x *m stretched) <= k * norm x.
Proof.
have k0 := k_gt0; have kk : 1 <= k ^+ 2 by rewrite expr_ge1 // ltW.
rewrite mul1r -(hsubmxK x) halves_stretched; move: (lsubmx x) (rsubmx x) => a b.
have a2 := dot_ge0 a; have b2 := dot_ge0 b.
apply/andP; split; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?norm_ge0 ?(ltW k0) // ?exprMn !norm_sq.
  by rewrite !dot_halves dotZl dotZr; nra.
by rewrite !dot_halves dotZl dotZr; nra.
Qed.
Lemma stretched_cond a : a != 0 -> cond stretched k.
Proof.
move=> ha; have k0 := k_gt0; exists (1, k); last by rewrite /= divr1.
rewrite Singular.wide_rows //.
have nz (b c : 'rV[R]_n) : row_mx b c = 0 -> b = 0 /\ c = 0 by rewrite -row_mx0 => /eq_row_mx.
split=> /=; [exact: ltr01|exact: stretched_between| |].
- exists (row_mx a 0); first by apply: contra ha => /eqP/nz[-> _].
  by rewrite halves_stretched scaler0 mul1r.
exists (row_mx 0 a); first by apply: contra ha => /eqP/nz[_ ->].
by rewrite halves_stretched -{1}(scaler0 _ k) -scale_row_mx normZ gtr0_norm.
Qed.
Lemma stretched_rank : \rank stretched = (n + n)%N.
Proof. by apply: (@full_rank R _ stretched 1) => // x; have /andP[] := stretched_between x. Qed.
Lemma adapted (x : 'rV[R]_(n + n)) e :
  x *m (1%:M + e *: swap) *m stretched = x *m stretched + e *: (x *m swap *m stretched).
Proof. by rewrite mulmxDr mulmx1 mulmxDl -scalemxAr -scalemxAl. Qed.
Lemma adapted_nonzero (x : 'rV[R]_(n + n)) e : 0 <= e < 1 -> x != 0 -> x *m (1%:M + e *: swap) *m stretched != 0.
Proof.
move=> /andP[e0 e1] /norm_gt0 px; have h := one_plus_low (swap_spectral e0) x.
have /andP[g _] := stretched_between (x *m (1%:M + e *: swap)).
apply/eqP => z; move: g; rewrite z {2}/norm dot0l sqrtr0; nra.
Qed.

(* rows (u, w v) and (v, w u), for u and v of length 1: their cosine is that of u and v for every w *)
Variables u v : 'rV[R]_n.
Hypotheses (uu : dot u u = 1) (vv : dot v v = 1).
Let s := dot u v.
Definition one w := row_mx u (w *: v). Definition two w := row_mx v (w *: u).
Lemma size_gt0 w : 0 < 1 + w ^+ 2 :> R.
Proof. by rewrite ltr_pwDl ?sqr_ge0. Qed.
Lemma one_size w : dot (one w) (one w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma two_size w : dot (two w) (two w) = 1 + w ^+ 2.
Proof. by rewrite dot_halves dotZl dotZr uu vv mulr1 expr2. Qed.
Lemma halves_nonzero w : one w != 0 /\ two w != 0.
Proof.
have p := size_gt0 w; have h x : dot x x = 1 + w ^+ 2 -> x != 0.
  by move=> e; apply/eqP => z; move: p; rewrite -e z dot0l ltxx.
by split; apply: h; [exact: one_size|exact: two_size].
Qed.
Lemma halves_sim w : sim (one w) (two w) = s.
Proof.
rewrite /sim /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 w)) // dot_halves dotZl dotZr (dotC v u) -/s.
by field; rewrite gt_eqF // size_gt0.
Qed.
Lemma halves_outputs t : one (t / k) *m stretched = one t /\ two (t / k) *m stretched = two t.
Proof. by rewrite !halves_stretched !scalerA mulrC divfK // gt_eqF // k_gt0. Qed.
Lemma slope t : t ^+ 2 = 1 ->
  delta (one t) (two t) (one (t / k) *m swap *m stretched) (two (t / k) *m swap *m stretched)
  = t * ((1 - s ^+ 2) * (k + 1 / k)).
Proof.
move=> tt; have kn : k != 0 by rewrite gt_eqF // k_gt0.
rewrite /delta halves_sim !norm_sq /norm one_size two_size -expr2 sqr_sqrtr ?(ltW (size_gt0 t)) // tt.
rewrite !halves_swap !halves_stretched !dot_halves !dotZl !dotZr !(dotC v u) uu vv -/s.
by field.
Qed.
End Halves.

(* the target's outputs have one half turned over, so that the same AB turns them the other way *)
Theorem input_slope (R : rcfType) n (k k' : R) (u v : 'rV[R]_n) (C K e0 : R) :
  1 <= k -> 1 <= k' -> dot u u = 1 -> dot v v = 1 -> 0 < e0 ->
  (forall e, 0 < e <= e0 -> e < 1 ->
    `|sim (one u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
          (two u v (1 / k) *m (1%:M + e *: swap R n) *m stretched n k)
      - sim (one u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')
            (two u v (-1 / k') *m (1%:M + e *: swap R n) *m stretched n k')| <= C * e + K * e ^+ 2) ->
  (1 - dot u v ^+ 2) * (k + 1 / k) + (1 - dot u v ^+ 2) * (k' + 1 / k') <= C.
Proof.
move=> k1 k1' uu vv he0 H; have [n1 n2] := halves_nonzero uu vv 1; have [n3 n4] := halves_nonzero uu vv (-1).
have [o1 o2] := halves_outputs k1 u v 1; have [o3 o4] := halves_outputs k1' u v (-1).
have he : 0 < Num.min e0 (1 / 2) by rewrite lt_min he0; clear; lra.
have l := slope k1 uu vv (expr1n _ 2); have l' := slope k1' uu vv (etrans (sqrrN 1) (expr1n _ 2)).
set a := _ * (k + 1 / k) in l *; set b := _ * (k' + 1 / k') in l' *.
have -> : a + b = 1 * a - -1 * b by ring.
rewrite -l -l'; apply: le_trans (ler_norm _) _.
apply: (criterion (K := K) n1 n2 n3 n4 _ he); first by rewrite !halves_sim.
move=> e /andP[e_gt]; rewrite le_min => /andP[e_e0 e_half].
by have := H e; rewrite e_gt e_e0 !adapted o1 o2 o3 o4; apply=> //; clear -e_gt e_e0 e_half; lra.
Qed.
End Halves.

(* Where the finite bound of input adaptation is attained: W = diag(1, k), AB = e [[0, 1], [1, 0]], for every k >= 1. *)
Module InputAttained.
Import Norms Cosine FirstOrder Output Input Plane Halves.
Section InputAttained.
Variables (R : rcfType) (k : R).
Hypothesis k1 : 1 <= k.
Notation swap := (swap R 1). Notation stretched := (stretched 1 k).

Lemma row2_halves (a b : R) : row2 a b = row_mx a%:M b%:M :> 'rV_(1 + 1).
Proof. by rewrite -[LHS](@hsubmxK R 1 1 1); congr (row_mx _ _); apply/rowP => i; rewrite !ord1 !mxE. Qed.
Lemma row2_swap (a b : R) : row2 a b *m swap = row2 b a.
Proof. by rewrite !row2_halves (@halves_swap R 1). Qed.
Lemma row2_stretched (a b : R) : row2 a b *m stretched = row2 a (b * k).
Proof. by rewrite !row2_halves (@halves_stretched R 1) scale_scalar_mx mulrC. Qed.

Variables p q : R.
Hypotheses (p0 : 0 < p) (q0 : 0 < q) (circle : p ^+ 2 + q ^+ 2 = 1).

(* the finite bound: pairs about a singular axis f of S, which takes y to (y1 + e y2 / k, y2 + e k y1) *)
Variable e : R.
Hypothesis e01 : 0 < e < 1.
Let m := mu k e.
Let fx := e * (k + k^-1). Let fy := m ^+ 2 - (1 + e ^+ 2 * k ^+ 2).
Let n := fx ^+ 2 + fy ^+ 2.
Definition axis1 := row2 (p * fx - q * fy) ((p * fy + q * fx) / k).
Definition axis2 := row2 (p * fx + q * fy) ((p * fy - q * fx) / k).
Lemma axis_outputs : axis1 *m stretched = row2 (p * fx - q * fy) (p * fy + q * fx) /\
  axis2 *m stretched = row2 (p * fx + q * fy) (p * fy - q * fx).
Proof. by have k0 := k_gt0 k1; rewrite !row2_stretched !divfK // gt_eqF. Qed.
Lemma fx_gt0 : 0 < fx.
Proof. by have k0 := k_gt0 k1; case/andP: e01 => e0 _; rewrite mulr_gt0 // addr_gt0 ?invr_gt0. Qed.
Lemma axis_size : 0 < n.
Proof. by rewrite /n ltr_pwDl ?sqr_ge0 // exprn_gt0 // fx_gt0. Qed.
Lemma axis_root : [/\ 0 < m, m ^+ 2 = fx * m + 1 - e ^+ 2 & fy * (m ^+ 2 - (1 + e ^+ 2 / k ^+ 2)) = fx ^+ 2].
Proof.
have k0 := k_gt0 k1; case/andP: e01 => e0 _; have [m1 m2 _] := mu_spec k0 (ltW e0); rewrite -/m in m1 m2.
have r : m ^+ 2 = fx * m + 1 - e ^+ 2 by rewrite {1}m1 /fx /mean; field; rewrite gt_eqF.
split=> //.
have f2 : (m ^+ 2 - (1 - e ^+ 2)) ^+ 2 = fx ^+ 2 * m ^+ 2 by rewrite {1}r; ring.
have x2 : fx ^+ 2 = e ^+ 2 * (k ^+ 2 + 2 + (k^-1) ^+ 2) by rewrite /fx; field; rewrite gt_eqF.
rewrite x2 in f2 *; rewrite /fy -exprVn.
have kk : k ^+ 2 * (k^-1) ^+ 2 = 1 by rewrite -exprMn divff ?expr1n // gt_eqF.
move: (k ^+ 2) ((k^-1) ^+ 2) (m ^+ 2) (e ^+ 2) kk f2 => K I M E kk f2; clear -f2 m1 kk m2 e0 K I M E; nra.
Qed.
Lemma axis_rows : 0 < n /\ sim (row2 (p * fx - q * fy) (p * fy + q * fx)) (row2 (p * fx + q * fy) (p * fy - q * fx)) = p ^+ 2 - q ^+ 2.
Proof.
have n0 := axis_size; split=> //; have c := circle.
rewrite (@sim2 _ _ _ _ _ n).
- have -> : (p * fx - q * fy) * (p * fx + q * fy) + (p * fy + q * fx) * (p * fy - q * fx) = (p ^+ 2 - q ^+ 2) * n by rewrite /n; ring.
  by rewrite mulfK // gt_eqF.
- by rewrite -[n]mul1r -c /n; ring.
by rewrite -[n]mul1r -c /n; ring.
Qed.
Lemma axis_outputs_nonzero : row2 (p * fx - q * fy) (p * fy + q * fx) != 0 /\ row2 (p * fx + q * fy) (p * fy - q * fx) != 0.
Proof.
have n0 := axis_size; have c := circle; have h (u v : R) : u * u + v * v = n -> row2 u v != 0.
  by move=> uv; apply/eqP => z; move: n0; rewrite -uv -dot2 z dot0l ltxx.
by split; apply: h; rewrite -[n]mul1r -c /n; ring.
Qed.
Lemma axis_nonzero : axis1 != 0 /\ axis2 != 0.
Proof.
have [o1 o2] := axis_outputs; have [n1 n2] := axis_outputs_nonzero.
by split; [move: n1; rewrite -o1|move: n2; rewrite -o2]; apply: contra => /eqP ->; rewrite mul0mx.
Qed.
Lemma axis_moved : let l := m ^+ 2 in let nu := (1 - e ^+ 2) ^+ 2 / l in
  sim (axis1 *m (1%:M + e *: swap) *m stretched) (axis2 *m (1%:M + e *: swap) *m stretched)
  = (p ^+ 2 * (l * n) - q ^+ 2 * (nu * n)) / (p ^+ 2 * (l * n) + q ^+ 2 * (nu * n)).
Proof.
move=> l nu; have k0 := k_gt0 k1; have kn : k != 0 by rewrite gt_eqF.
have [m0 r1 r2] := axis_root; have l0 : 0 < l by rewrite /l exprn_gt0.
have k2 : k ^+ 2 != 0 by rewrite expf_neq0.
set a11 := 1 + e ^+ 2 * k ^+ 2; set a22 := 1 + e ^+ 2 / k ^+ 2 in r2.
have ya : fy = l - a11 by [].
have f2 : (l - (1 - e ^+ 2)) ^+ 2 = fx ^+ 2 * l by rewrite /l {1}r1; ring.
have x2 : fx ^+ 2 = a11 * a22 - (1 - e ^+ 2) ^+ 2 by rewrite /fx /a11 /a22; field.
have x2' : fx ^+ 2 = a11 + a22 - 2 * (1 - e ^+ 2) by rewrite /fx /a11 /a22; field.
have nuE : nu = a11 + a22 - l.
  apply: (mulfI (lt0r_neq0 l0)); rewrite /nu mulrCA divff ?mulr1; last by rewrite gt_eqF.
  by rewrite x2' in f2; clear -x2' x2 f2 ya; lra.
have g1 : a11 * fx ^+ 2 + 2 * fx * fx * fy + a22 * fy ^+ 2 = l * n.
  have : fy * (fy * (l - a22)) = fy * fx ^+ 2 by rewrite r2.
  rewrite /n (_ : a11 = l - fy); last by rewrite ya; ring. clear -x2 x2' nuE; lra.
have g2 : a11 * fy ^+ 2 - 2 * fx * fx * fy + a22 * fx ^+ 2 = nu * n.
  by rewrite nuE /n mulrBl -/n -g1 /n; ring.
rewrite !adapted !row2_swap !row2_stretched !divfK // !row2Z !row2D.
have g3 : fx * (fx ^+ 2 - fy ^+ 2) + fx * fy * (a22 - a11) = 0.
  have -> : fx * (fx ^+ 2 - fy ^+ 2) + fx * fy * (a22 - a11) = fx * (fx ^+ 2 - fy * (l - a22)) by rewrite ya; ring.
  by rewrite r2 subrr mulr0.
rewrite (@sim2 _ _ _ _ _ (p ^+ 2 * (l * n) + q ^+ 2 * (nu * n))).
- by congr (_ / _); rewrite -g1 -g2 /a11 /a22 /fx; field.
- rewrite -[RHS]addr0 -(mulr0 (2 * p * q)) -g3 -g1 -g2 /a11 /a22 /fx; field; exact: kn.
rewrite -[RHS]addr0 -(mulr0 (- (2 * p * q))) -g3 -g1 -g2 /a11 /a22 /fx; field; exact: kn.
Qed.
Theorem axis_apart : artanh_apart (sim (axis1 *m (1%:M + e *: swap) *m stretched) (axis2 *m (1%:M + e *: swap) *m stretched))
  (p ^+ 2 - q ^+ 2) (m ^+ 2 / (1 - e ^+ 2)).
Proof.
rewrite axis_moved; have n0 := axis_size; have [m0 r1 _] := axis_root; have x0 := fx_gt0; case/andP: (e01) => e0 e1.
have d0 : 0 < 1 - e ^+ 2 by clear -circle e1 e0 m0 n0; nra.
have P0 : 0 < p ^+ 2 by rewrite exprn_gt0. have Q0 : 0 < q ^+ 2 by rewrite exprn_gt0.
have big : 1 - e ^+ 2 < m ^+ 2 by rewrite r1 -addrA ltrDr mulr_gt0.
have l0 : 0 < m ^+ 2 by rewrite exprn_gt0.
have c := circle.
move: (m ^+ 2) big l0 => l big l0; set nu := (1 - e ^+ 2) ^+ 2 / l.
have nu0 : 0 < nu by rewrite divr_gt0 // exprn_gt0.
have A0 : 0 < p ^+ 2 * (l * n) by apply: mulr_gt0 => //; apply: mulr_gt0. have B0 : 0 < q ^+ 2 * (nu * n) by apply: mulr_gt0 => //; apply: mulr_gt0.
have D0 : 0 < p ^+ 2 * (l * n) + q ^+ 2 * (nu * n) by rewrite addr_gt0.
split.
- by rewrite ltr_pdivlMr // ltr_pdivrMr //; clear -A0 B0 D0; lra.
- clear -big c circle nu0 l0 Q0 P0; lra.
- by rewrite ltr_pdivlMr // mul1r.
apply: ratio; first by rewrite gt_eqF // addr_gt0.
have h1 : 1 - (p ^+ 2 - q ^+ 2) = 2 * q ^+ 2 by clear -D0 B0 A0 big c; lra.
have h2 : 1 + (p ^+ 2 - q ^+ 2) = 2 * p ^+ 2 by clear -B0 D0 h1; lra.
rewrite h1 h2 /nu; field; by rewrite !gt_eqF.
Qed.
End InputAttained.
End InputAttained.
