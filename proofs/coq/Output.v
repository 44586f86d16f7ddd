(* Prop. 2, output adaptation: what a matrix of known condition number can do to a cosine, in any dimension. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Norms Cosine.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
