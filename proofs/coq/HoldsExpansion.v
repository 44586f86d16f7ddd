(* lemma-1-expansion, prop-1-segment-small and eq-5-size. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Further Norms Cosine FirstOrder Plane Singular Statements.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section HoldsExpansion.
Variable R : rcfType.

Theorem lemma_1_expansion_holds : lemma_1_expansion R.
Proof.
move=> d u v hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
pose k := (norm u ^+ 2)^-1 + (norm v ^+ 2)^-1.
have iu : 0 < (norm u ^+ 2)^-1 by rewrite invr_gt0 exprn_gt0.
have iv : 0 < (norm v ^+ 2)^-1 by rewrite invr_gt0 exprn_gt0.
exists (4 * k), 1; split=> // du dv _ hu' hv'.
have -> : (dot du v + dot u dv) / (norm u * norm v) -
  (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv) = delta u v du dv.
  by rewrite /delta /sim; field; rewrite !gt_eqF.
have s1 := sim_le1 hu hv; have h := remainder hu hv hu' hv'.
have q1 := rho_sq_ge0 u du; have q2 := rho_sq_ge0 v dv; have n0 := normr_ge0 (sim u v).
apply: le_trans h _; apply: le_trans (_ : _ <= 4 * (rho_sq u du + rho_sq v dv)) _.
  by rewrite ler_wpM2r ?addr_ge0 //; lra.
rewrite -mulrA ler_wpM2l // /rho_sq !expr_div_n /k.
have a0 := sqr_ge0 (norm du); have b0 := sqr_ge0 (norm dv).
have c0 : 0 <= norm du ^+ 2 * (norm v ^+ 2)^-1 by rewrite mulr_ge0 // ltW.
have d0 : 0 <= norm dv ^+ 2 * (norm u ^+ 2)^-1 by rewrite mulr_ge0 // ltW.
rewrite mulrDl !mulrDr !(mulrC _^-1); lra.
Qed.

Theorem prop_1_segment_small_holds : prop_1_segment_small R.
Proof.
move=> c d W W' x1 x2 x1' x2' _ _ _ _ _ _ _ _ _ _ r A B e a e0 hM [_ [t /andP[t0 t1] ->]].
have low (x : 'rV_c) : norm (x *m W) - e * norm x <= norm (x *m W + t *: (x *m (A *m B))).
  have := norm_triangle (x *m W + t *: (x *m (A *m B))) (- (t *: (x *m (A *m B)))); rewrite addrK normN normZ ger0_norm //.
  have := hM x; have := norm_ge0 (x *m (A *m B)); nra.
by rewrite le_min !ge_min !low !orbT.
Qed.

Theorem eq_5_size_holds : eq_5_size R.
Proof.
split=> [c d W P lo [_ _ _ sym] WP hlo r A B a [a0 ha _]|].
  have pos : 0 < lo.
    by apply: (singular_gt0 _ (ltn0Sn 0) hlo); apply/eqP; rewrite -/(row_free W); apply/row_freeP; exists P.
  move=> x; rewrite mulrAC ler_pdivlMr // (mulmxA x P).
  apply: le_trans (ler_wpM2r (ltW pos) (ha (x *m P))) _; rewrite -mulrA; apply: ler_wpM2l => //.
  rewrite mulrC; apply: le_trans (least_stretch (x *m P) hlo) _; rewrite -mulmxA.
  have [-> | nz] := eqVneq (x *m (P *m W)) 0; first by rewrite /norm dot0l sqrtr0 sqrtr_ge0.
  have idem : P *m W *m (P *m W) = P *m W by rewrite mulmxA -(mulmxA P) WP mulmx1.
  have := cauchy_norm x (x *m (P *m W)); have p := norm_gt0 nz.
  have -> : dot x (x *m (P *m W)) = norm (x *m (P *m W)) ^+ 2.
    by rewrite norm_sq dot_mx -mulmxA sym idem.
  by rewrite ger0_norm ?sqr_ge0 // expr2 ler_pM2r.
have n1 : norm (1%:M : 'rV[R]_1) = 1 by rewrite /norm /dot big_ord_recl big_ord0 !mxE eqxx mulr1 addr0 sqrtr1.
have sp : spectral (1%:M : 'M[R]_1) 1.
  split=> [|x|b b0 h]; [exact: ler01|by rewrite mulmx1 mul1r|].
  by have := h 1%:M; rewrite mulmx1 n1 mulr1.
have sg : singular 1 (1%:M : 'M[R]_1) 1.
  split=> [||b b0 [V hV h]]; first exact: ler01.
    by exists 1%:M => [|y]; [rewrite /row_free mxrank1|rewrite !mulmx1 mul1r].
  have V0 : V != 0 by move: hV; rewrite /row_free rank_rV; case: (V != 0).
  by have := h 1%:M; rewrite mulmx1 mul1mx -{1}[norm V]mul1r ler_pM2r // norm_gt0.
exists 1, 1, 1%:M, 1%:M, 1, 1, 1%:M, 1%:M, 1, 1; rewrite !mulmx1 divr1; split; first by split; rewrite ?mulmx1 ?trmx1.
by do 5 (split=> //); rewrite ltr01.
Qed.
End HoldsExpansion.
