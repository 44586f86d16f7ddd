(* LoRA up to O(e^2): what bounds both gradients, in the data and in the weights, and when no smaller bound will do. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Output Plane Gradient Singular.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
exact: (plane_le ee ff ef hlo hhi l0 h0 D0 DD).
Qed.
End Lora.
