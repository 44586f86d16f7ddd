(* Props. 3 to 5, Eqs. 2 to 6, effects and maps, as the claims state them, and what is false about them. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Statements Lemmas.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Lemma 3 and Props. 3-5 as the claims state them. *)
Module HoldsShared.
Import Norms SharedFunction.
Section HoldsShared.
Variable R : rcfType.

Lemma moments c d (Omega : Type) (x : Omega -> 'rV[R]_c) E sigma (f : Omega -> 'rV[R]_d) (D : 'M[R]_(c,d)) :
  law x E (sigma ^+ 2)%:M -> (forall w, f w = x w *m D) -> E (fun w => norm (f w) ^+ 2) = sigma ^+ 2 * fro D ^+ 2.
Proof.
move=> h hf; rewrite fro_sqE -(moment1 D h); case: h => ext _ _.
by apply: ext => w; rewrite hf.
Qed.
Lemma scaled (sigma a b : R) : a <= b -> sigma ^+ 2 * a <= sigma ^+ 2 * b.
Proof. by move=> h; rewrite ler_wpM2l ?sqr_ge0. Qed.
Lemma squares (a b : R) : 0 <= a -> a <= b -> a ^+ 2 <= b ^+ 2.
Proof. by move=> ha hab; rewrite ler_pXn2r ?nnegrE // (le_trans ha). Qed.
Lemma root_gap m n (D : 'M[R]_(m,n)) e : 0 <= e -> fro D ^+ 2 <= e -> fro D <= Num.sqrt e.
Proof. by move=> he h; rewrite -[fro D]ger0_norm ?fro_ge0 // -sqrtr_sqr ler_wsqrtr. Qed.
Lemma fro_triangle m n (D E : 'M[R]_(m,n)) : fro (D + E) <= fro D + fro E.
Proof. by rewrite /fro !fro_sq_vec linearD; exact: norm_triangle. Qed.

(* numbers as matrices, for what is attained *)
Definition one (a : R) : 'M[R]_1 := a%:M.
Lemma fro1 a : fro (one a) = `|a|.
Proof. by rewrite /fro /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0 mulr1n sqrtr_sqr. Qed.
Lemma spectral1 a : 0 <= a -> spectral (one a) a.
Proof.
move=> ha; have n1 (x : 'rV[R]_1) : norm (x *m one a) = a * norm x.
  by rewrite mul_mx_scalar normZ ger0_norm.
split=> // [x|b hb h]; first by rewrite n1.
have := h (const_mx 1); rewrite n1 /norm /dot !big_ord_recl !big_ord0 !mxE addr0 mulr1 sqrtr1; lra.
Qed.

Lemma plain c d h k (W1 : 'M[R]_(c,h)) (W2 : 'M_(h,d)) (W1' : 'M_(c,k)) (W2' : 'M_(k,d)) sigma Omega (x : Omega -> 'rV_c) E :
  law x E (sigma ^+ 2)%:M ->
  E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = sigma ^+ 2 * fro (W1 *m W2 - W1' *m W2') ^+ 2.
Proof. by move=> hx; apply: (moments hx) => w; rewrite mulmxBr !mulmxA. Qed.
Theorem lemma_3_holds : lemma_3 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E _ hx e he hgap|]; first by rewrite (plain _ _ _ _ hx) scaled.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1.
rewrite (plain _ _ _ _ hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite fro1 normr1.
do 2 (split=> //); split; [lra|]; split; [lra|]; split; lra.
Qed.

Lemma split_lora c d h (W1 W1' M : 'M[R]_(c,h)) (W2 W2' : 'M[R]_(h,d)) n (x : 'M_(n,c)) :
  x *m (W1 + M) *m W2 - x *m (W1' + M) *m W2' = x *m ((W1 *m W2 - W1' *m W2') + M *m (W2 - W2')).
Proof.
by rewrite !(mulmxBr, mulmxDr, mulmxDl, mulmxN, mulmxA) [RHS]addrACA -opprD.
Qed.
Theorem prop_3_exact_holds : prop_3_exact R.
Proof.
move=> c d h W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w; exact: split_lora.
Qed.
Theorem prop_3_holds : prop_3 R.
Proof.
split=> [c d h W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ hs hx); apply: scaled; apply: squares; first exact: fro_ge0.
  apply: (le_trans (fro_triangle _ _)); apply: lerD; first exact: root_gap.
  exact: fro_mull.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, (one 1), (one 2), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 1.
rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 1 *m one 2 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mul1mx -raddfB /=; congr _%:M; ring.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
rewrite (_ : one 1 + _ = one 2); last by rewrite /one !mulmx1 -raddfD /=; congr _%:M; ring.
rewrite !fro1 normr1 sqrtr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [rewrite /one mulmx1; apply: spectral1; lra|lra].
Qed.

Lemma second c d h (W1 W1' : 'M[R]_(c,h)) (W2 W2' M : 'M_(h,d)) sigma Omega (x : Omega -> 'rV_c) E :
  law x E (sigma ^+ 2)%:M -> E (fun w => norm (x w *m W1 *m (W2 + M) - x w *m W1' *m (W2' + M)) ^+ 2)
   = sigma ^+ 2 * fro ((W1 *m W2 - W1' *m W2') + (W1 - W1') *m M) ^+ 2.
Proof.
move=> hx; apply: (moments hx) => w.
by rewrite !(mulmxBr, mulmxDr, mulmxBl, mulmxN, mulmxA) [RHS]addrACA -opprD.
Qed.
Theorem prop_3_second_holds : prop_3_second R.
Proof.
split=> [c d h W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (second _ _ _ _ _ hx); apply: scaled; apply: squares; first exact: fro_ge0.
  apply: (le_trans (fro_triangle _ _)); apply: lerD; first exact: root_gap.
  exact: fro_mulr.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 1.
rewrite (second _ _ _ _ _ hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
rewrite (_ : one 1 + _ = one 2); last by rewrite /one !mulmx1 -raddfD /=; congr _%:M; ring.
rewrite !fro1 normr1 sqrtr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [rewrite /one mulmx1; apply: spectral1; lra|lra].
Qed.

Theorem prop_4_exact_holds : prop_4_exact R.
Proof.
move=> c d h k W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w.
by rewrite mulmxA mulmxBr !mulmxA.
Qed.
Lemma doubled : (1%:M + one 1 *m one 1) = one 2 :> 'M[R]_1.
Proof. by rewrite /one mulmx1 -raddfD /=; congr _%:M; ring. Qed.
Theorem prop_4_holds : prop_4 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ hs hx) -mulrA; apply: scaled.
  apply: (@le_trans _ _ ((s * fro (W1 *m W2 - W1' *m W2')) ^+ 2)).
    by apply: squares; [exact: fro_ge0|exact: fro_mull].
  by rewrite exprMn ler_wpM2l ?sqr_ge0.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 2.
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite doubled (_ : one 2 *m one 1 = one 2); last by rewrite /one mulmx1.
rewrite !fro1 normr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [apply: spectral1; lra|lra].
Qed.

Theorem prop_5_exact_holds : prop_5_exact R.
Proof.
move=> c d h k W1 W2 W1' W2' sigma Omega x E _ hx r A B; apply: (moments hx) => w.
by rewrite mulmxA mulmxBr mulmxBl !mulmxA.
Qed.
Theorem prop_5_holds : prop_5 R.
Proof.
split=> [c d h k W1 W2 W1' W2' sigma Omega x E hs hx r A B e s he hgap [s0 hM _]|].
  rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ hs hx) -mulrA; apply: scaled.
  apply: (@le_trans _ _ ((s * fro (W1 *m W2 - W1' *m W2')) ^+ 2)).
    by apply: squares; [exact: fro_ge0|exact: fro_mulr].
  by rewrite exprMn ler_wpM2l ?sqr_ge0.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1%N, (one 1), (one 1), 1, 2.
rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (_ : one 2 *m one 1 - one 1 *m one 1 = one 1); last first.
  by rewrite /one !mulmx1 -raddfB /=; congr _%:M; ring.
rewrite doubled (_ : one 1 *m one 2 = one 2); last by rewrite /one mul1mx.
rewrite !fro1 normr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //. split; first by lra. split; first by lra.
by split; [apply: spectral1; lra|lra].
Qed.
End HoldsShared.
End HoldsShared.

(* Equations 2-6, ranks, one layer, transfer of equal functions: matrix identities and what follows from them. *)
Module HoldsEquations.
Import Norms SharedFunction HoldsShared.
Section Equations.
Variable R : rcfType.

Theorem eq_5_holds : eq_5 R.
Proof. by move=> c d n x W P _ h r A B; rewrite -mulmxA [W *m (_ + _)]mulmxDr mulmx1 (mulmxA W) h mul1mx. Qed.
Theorem eq_5_column_rank_holds : eq_5_column_rank R.
Proof. by move=> c d n x W P _ h r A B; rewrite -mulmxA mulmxDl mul1mx -(mulmxA _ P) h mulmx1. Qed.
Theorem eq_5_rank_holds : eq_5_rank R.
Proof.
move=> c d r W A B P _; rewrite mulmxA; apply: leq_trans (mxrankM_maxr _ _) (rank_leq_row _).
Qed.
Lemma rank_sum c d r s (A1 : 'M[R]_(c, r)) (B1 : 'M[R]_(r, d)) (A2 : 'M[R]_(c, s)) (B2 : 'M[R]_(s, d)) :
  (\rank (A1 *m B1 + A2 *m B2)%R <= r + s)%N.
Proof.
apply: (leq_trans (mxrank_add _ _)); apply: leq_add; apply: leq_trans (mxrankM_maxr _ _) (rank_leq_row _).
Qed.
Theorem eq_6_rank_input_holds : eq_6_rank_input R.
Proof.
move=> c d r s W A1 B1 A2 B2; rewrite mulmxDl mul1mx addrAC [W + _]addrC addrK -mulmxA; exact: rank_sum.
Qed.
Theorem eq_6_rank_output_holds : eq_6_rank_output R.
Proof.
move=> c d r s W A1 B1 A2 B2; rewrite mulmxDr mulmx1 addrAC [W + _]addrC addrK mulmxA; exact: rank_sum.
Qed.
Theorem reach_input_holds : reach_input R.
Proof.
move=> c d r W A B; rewrite mulmxDl mul1mx [W + _]addrC addrK -mulmxA.
by apply: leq_trans (mxrankM_maxr _ _) (rank_leq_row _).
Qed.
Theorem reach_output_holds : reach_output R.
Proof.
move=> c d r W A B; rewrite mulmxDr mulmx1 [W + _]addrC addrK mulmxA.
by apply: leq_trans (mxrankM_maxr _ _) (rank_leq_row _).
Qed.
Theorem eq_6_exchanged_holds : eq_6_exchanged R.
Proof.
move=> c d r s W W' A1 B1 A2 B2; rewrite !mulmxDl !mul1mx mulmxBr.
move: (A1 *m B1 *m W') (A1 *m B1 *m W) (A2 *m B2) => P' P Q; apply/matrixP => i j; rewrite !mxE; ring.
Qed.
Theorem absorption_linear_holds : absorption_linear R.
Proof. by move=> c d n x W b r A B; rewrite mulmxA. Qed.
Theorem absorption_linear_output_holds : absorption_linear_output R.
Proof. by move=> c d n x W b r A B; rewrite mulmxDl mulmxA. Qed.
Theorem eq_2_3_4_holds : eq_2_3_4 R.
Proof.
by move=> c d n r x W a b a1 b1 a2 b2; split; [rewrite mulmxDr mulmx1 mulmxA|split; rewrite mulmxDr ?mulmx1 mulmxA].
Qed.
Theorem transfer_single_layer_holds : transfer_single_layer R.
Proof. by move=> c d W W' r A B; rewrite opprD addrACA subrr addr0. Qed.
Theorem transfer_single_layer_input_holds : transfer_single_layer_input R.
Proof. by move=> c d W W' r A B; rewrite mulmxBr. Qed.
Theorem transfer_single_layer_output_holds : transfer_single_layer_output R.
Proof. by move=> c d W W' r A B; rewrite mulmxBl. Qed.
Theorem stronger_requirement_equal_holds : stronger_requirement_equal R.
Proof. by move=> c d W W' x1 x2 ->. Qed.

Theorem nonlinear_output_holds : nonlinear_output R.
Proof.
move=> d n f f' r A B s [s0 h _]; rewrite -mulmxBl -exprMn; apply: squares; first exact: fro_ge0.
exact: fro_mulr.
Qed.
Theorem nonlinear_input_lipschitz_holds : nonlinear_input_lipschitz R.
Proof.
split=> [c d n g h x l l0 H|].
  have t := fro_triangle g (h - g); rewrite addrC subrK in t.
  have k : fro h <= fro g + l * fro x by lra.
  apply: (le_trans (squares (fro_ge0 h) k)); have := sqr_ge0 (fro g - l * fro x); rewrite !expr2; lra.
exists 1%N, 1%N, 1%N, (one 1), (one 2), (one 1), 1.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
by rewrite !fro1 normr1 (@ger0_norm _ 2) //; split; [lra|split; [lra|split; lra]].
Qed.

Theorem prop_5_anisotropic_holds : prop_5_anisotropic R.
Proof.
move=> c d h k W1 W2 W1' W2' F Omega x E _ hx r A B s [s0 hM _].
have e1 : E (fun w => norm (x w *m W1 *m W2 *m (1%:M + A *m B) - x w *m W1' *m W2' *m (1%:M + A *m B)) ^+ 2)
    = fro_sq (F *m (W1 *m W2 - W1' *m W2') *m (1%:M + A *m B)).
  rewrite -mulmxA -(moment _ hx); case: hx => ext _ _; apply: ext => w.
  by rewrite mulmxA mulmxBr mulmxBl !mulmxA.
have e2 : E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = fro_sq (F *m (W1 *m W2 - W1' *m W2')).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite mulmxBr !mulmxA.
by rewrite e1 e2; exact: fro_sq_mulr.
Qed.
Theorem prop_4_whitened_holds : prop_4_whitened R.
Proof.
move=> c d h k W1 W2 W1' W2' F Omega x E hF hx r A B s [s0 hM _].
have Fu : F \in unitmx by rewrite -row_free_unit /row_free hF.
have e1 : E (fun w => norm (x w *m (1%:M + A *m B) *m W1 *m W2 - x w *m (1%:M + A *m B) *m W1' *m W2') ^+ 2)
    = fro_sq (F *m (1%:M + A *m B) *m invmx F *m (F *m (W1 *m W2 - W1' *m W2'))).
  rewrite !mulmxA mulmxKV // -!mulmxA -(moment _ hx); case: hx => ext _ _; apply: ext => w.
  by rewrite mulmxA mulmxBr !mulmxA.
have e2 : E (fun w => norm (x w *m W1 *m W2 - x w *m W1' *m W2') ^+ 2) = fro_sq (F *m (W1 *m W2 - W1' *m W2')).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite mulmxBr !mulmxA.
by rewrite e1 e2; exact: fro_sq_mull.
Qed.

Theorem transfer_same_function_holds : transfer_same_function R.
Proof.
move=> c W1 W2 W1' W2' sigma Omega x E s0 hf hx r A B.
have f0 m n : fro (0 : 'M[R]_(m,n)) = 0.
  by rewrite /fro /fro_sq big1 ?sqrtr0 // => i _; rewrite big1 // => j _; rewrite mxE expr0n.
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ s0 hx) (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ s0 hx).
rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ s0 hx) hf subrr mulmx0 mul0mx add0r !f0.
by split; [ring|split; [ring|]].
Qed.
Theorem transfer_sufficient_holds : transfer_sufficient R.
Proof.
move=> c W1 W2 W1' W2' sigma Omega x E s0 hx r A B e s hgap [n0 hM _] hsuf; have e0 := le_trans (sqr_ge0 _) hgap.
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ s0 hx) (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ s0 hx).
rewrite (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ s0 hx).
set D := W1 *m W2 - _ in hgap *; set G := A *m B *m (W2 - W2') in hsuf *.
have hD := root_gap e0 hgap; have D0 := fro_ge0 D.
have low : s * fro D <= fro (D + G).
  have t := fro_triangle (D + G) (- D); rewrite froN [D + G]addrC addrK in t.
  rewrite [D + G]addrC; have := ler_wpM2l n0 hD; have := fro_ge0 D; nra.
have sD : 0 <= s * fro D by rewrite mulr_ge0.
split; apply: scaled; apply: squares; rewrite ?fro_ge0 //; apply: le_trans low; [exact: fro_mull|exact: fro_mulr].
Qed.

Theorem prop_4_interior_layers_holds : prop_4_interior_layers R.
Proof.
have key c d h (W1 W1' : 'M[R]_(c, h)) (W2 W2' : 'M[R]_(h, d)) T n (x : 'M_(n, c)) :
   x *m W1 *m T *m W2 - x *m W1' *m T *m W2' = x *m ((W1 - W1') *m T *m W2 + W1' *m T *m (W2 - W2')).
  rewrite mulmxDr !(mulmxBr, mulmxBl, mulmxA) addrA addrNK //.
split=> [c d h W1 W2 W1' W2' sigma Omega x E s2 s3 s0 hx [n2 h2 _] [n3 h3 _] r A B s1 [n1 h1 _]|].
  rewrite (moments hx (fun w => key _ _ _ W1 W1' W2 W2' _ _ (x w))) -exprMn; apply: squares.
    by rewrite mulr_ge0 ?fro_ge0 // ltW.
  rewrite -mulrA; apply: ler_wpM2l; first exact: ltW.
  apply: (le_trans (fro_triangle _ _)); rewrite mulrDr; apply: lerD.
    apply: (le_trans (fro_mulr _ n2 h2)); have k := ler_wpM2l n2 (fro_mulr (W1 - W1') n1 h1).
    by apply: (le_trans k); rewrite mulrCA [s2 * _]mulrC lexx.
  rewrite -mulmxA; apply: (le_trans (fro_mull _ n3 h3)); have k := ler_wpM2l n3 (fro_mull (W2 - W2') n1 h1).
  by apply: (le_trans k); rewrite mulrCA lexx.
have [Omega [x [E hx]]] := law_exists 0 (1 : R).
exists 1%N, 1%N, 1%N, (one 2), (one 1), (one 1), (one 1), 1, Omega, x, E, 1, 1, 1%N, (one 1), (one 1), 2.
rewrite (moments hx (fun w => key _ _ _ (one 2) (one 1) (one 1) (one 1) _ _ (x w))) doubled.
rewrite (_ : one 2 - one 1 = one 1); last by rewrite -raddfB /=; congr _%:M; ring.
rewrite subrr mulmx0 addr0 (_ : one 1 *m one 2 *m one 1 = one 2); last by rewrite /one mulmx1 mul1mx.
have f0 m n : fro (0 : 'M[R]_(m,n)) = 0.
  by rewrite /fro /fro_sq big1 ?sqrtr0 // => i _; rewrite big1 // => j _; rewrite mxE expr0n.
rewrite !fro1 f0 normr1 (@ger0_norm _ 2) //.
split; first by lra. split=> //.
by do 2 (split; [by apply: spectral1; lra|]); split; [by apply: spectral1|split; lra].
Qed.
End Equations.
End HoldsEquations.

(* Readings of App. A.2 that are false, and others: two-by-two witnesses, with AB of rank one. *)
Module RefutedShared.
Import Norms SharedFunction HoldsShared.
Section RefutedShared.
Variable R : rcfType.

Definition mx2 (a b c d : R) : 'M[R]_2 :=
  \matrix_(i, j) (if i == 0 then if j == 0 then a else b else if j == 0 then c else d).
Definition rw2 (a b : R) : 'rV[R]_2 := \row_j (if j == 0 then a else b).
Definition cl2 (a b : R) : 'M[R]_(2, 1) := \matrix_(i, j) (if i == 0 then a else b).
Lemma mx2_add a b c d p q r s : mx2 a b c d + mx2 p q r s = mx2 (a+p) (b+q) (c+r) (d+s).
Proof. by apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_opp a b c d : - mx2 a b c d = mx2 (-a) (-b) (-c) (-d).
Proof. by apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_1 : 1%:M = mx2 1 0 0 1.
Proof. by apply/matrixP => i j; rewrite !mxE; move: i j; do 2![case=> [[|[|//]] ?]]. Qed.
Lemma mx2_mul a b c d p q r s :
  mx2 a b c d *m mx2 p q r s = mx2 (a * p+b * r) (a * q+b * s) (c * p+d * r) (c * q+d * s).
Proof.
by apply/matrixP => i j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; case: (i == 0); case: (j == 0); rewrite addr0.
Qed.
Lemma rw2_mul a b p q r s : rw2 a b *m mx2 p q r s = rw2 (a * p + b * r) (a * q + b * s).
Proof. by apply/rowP => j; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; case: (j == 0); rewrite addr0. Qed.
Lemma cl2_rw2 a b p q : cl2 a b *m rw2 p q = mx2 (a * p) (a * q) (b * p) (b * q).
Proof. by apply/matrixP => i j; rewrite !mxE big_ord_recl big_ord0 !mxE addr0; case: (i == 0); case: (j == 0). Qed.
Lemma mx2_cl2 a b c d p q : mx2 a b c d *m cl2 p q = cl2 (a * p + b * q) (c * p + d * q).
Proof. by apply/matrixP => i j; rewrite !mxE !big_ord_recl big_ord0 !mxE /= addr0; case: (i == 0). Qed.
Lemma dot_rw2 a b c d : dot (rw2 a b) (rw2 c d) = a * c + b * d.
Proof. by rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0. Qed.
Lemma rw2P (x : 'rV[R]_2) : x = rw2 (x 0 0) (x 0 1).
Proof. by apply/rowP => j; rewrite !mxE; case: j => [[|[|//]] h] /=; congr (x _ _); exact: val_inj. Qed.
Lemma fro_sq2 a b c d : fro_sq (mx2 a b c d) = a ^+ 2 + b ^+ 2 + c ^+ 2 + d ^+ 2.
Proof. by rewrite /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0 !addrA. Qed.
Lemma fro_sq_cl2 a b : fro_sq (cl2 a b) = a ^+ 2 + b ^+ 2.
Proof. by rewrite /fro_sq !big_ord_recl !big_ord0 !mxE /= !addr0. Qed.
Lemma rw2_neq0 a b : a != 0 \/ b != 0 -> rw2 a b != 0.
Proof. by case=> h; apply/eqP => /rowP e; [move: (e 0)|move: (e 1)]; rewrite !mxE /= => k; rewrite k eqxx in h. Qed.

(* every two-by-two matrix has a spectral norm *)
Lemma spectral2 a b c d : exists n, spectral (mx2 a b c d) n.
Proof.
pose p := a ^+ 2 + b ^+ 2; pose q := a * c + b * d; pose r := c ^+ 2 + d ^+ 2.
have [l [lp lr prod]] : exists l, [/\ 0 <= l - p, 0 <= l - r & (l - p) * (l - r) = q ^+ 2].
  pose root := Num.sqrt ((p - r) ^+ 2 + 4 * q ^+ 2); exists ((p + r + root) / 2).
  have rr : root ^+ 2 = (p - r) ^+ 2 + 4 * q ^+ 2.
    by rewrite sqr_sqrtr // addr_ge0 ?sqr_ge0 // mulr_ge0 ?sqr_ge0.
  have r0 : 0 <= root by exact: sqrtr_ge0.
  have big : `|p - r| <= root.
    by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // rr lerDl mulr_ge0 ?sqr_ge0.
  by move: big; rewrite ler_norml => /andP[b1 b2]; split; lra.
have p0 : 0 <= p by rewrite /p addr_ge0 ?sqr_ge0.
have l0 : 0 <= l by lra.
have size x y : dot (rw2 x y *m mx2 a b c d) (rw2 x y *m mx2 a b c d) = p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2.
  by rewrite rw2_mul dot_rw2 /p /q /r; ring.
have le x y : p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2 <= l * (x ^+ 2 + y ^+ 2).
  have [z|nz] := eqVneq (l - p) 0.
    have q0 : q = 0 by apply/eqP; rewrite -sqrf_eq0 -prod z mul0r.
    have e : p = l by lra.
    by rewrite q0 e; have := mulr_ge0 lr (sqr_ge0 y); lra.
  have pos : 0 < l - p by rewrite lt_def nz.
  rewrite -(ler_pM2l pos); have := sqr_ge0 ((l - p) * x - q * y).
  have : (l - p) * ((l - r) * y ^+ 2) = q ^+ 2 * y ^+ 2 by rewrite mulrA prod.
  lra.
have [x [y [nz eq]]] : exists x y, rw2 x y != 0 /\ p * x ^+ 2 + 2 * q * (x * y) + r * y ^+ 2 = l * (x ^+ 2 + y ^+ 2).
  have [z|nz] := eqVneq (l - p) 0.
    exists 1, 0; split; first by apply: rw2_neq0; left; rewrite oner_eq0.
    have e : p = l by lra.
    by rewrite e; ring.
  exists q, (l - p); split; first by apply: rw2_neq0; right.
  have : (l - p) * (l - r) * (l - p) = q ^+ 2 * (l - p) by rewrite prod.
  lra.
exists (Num.sqrt l); split=> [|v|k k0 /(_ (rw2 x y))]; first exact: sqrtr_ge0.
  by rewrite /norm -sqrtrM // ler_wsqrtr // (rw2P v) size dot_rw2 -!expr2.
have nn : 0 < dot (rw2 x y) (rw2 x y) by rewrite -norm_sq exprn_gt0 // norm_gt0.
rewrite {1}/norm size eq !expr2 -dot_rw2 sqrtrM // -/(norm _) ler_pM2r //; exact: norm_gt0.
Qed.

Lemma between c d h (W1 W1' : 'M[R]_(c, h)) (W2 W2' : 'M[R]_(h, d)) T n (x : 'M_(n, c)) :
  x *m W1 *m T *m W2 - x *m W1' *m T *m W2' = x *m (W1 *m T *m W2 - W1' *m T *m W2').
Proof. by rewrite mulmxBr !mulmxA. Qed.
Lemma g1_same : mx2 1 2 0 1 *m mx2 1 0 3 1 - mx2 2 1 0 (1/2) *m mx2 (1/2) 0 6 2 = mx2 0 0 0 0.
Proof. by rewrite !mx2_mul mx2_opp mx2_add; congr mx2; field. Qed.
Lemma g1_adapter : 1%:M + cl2 1 0 *m rw2 (1/2) (1/2) = mx2 (3/2) (1/2) 0 1.
Proof. by rewrite cl2_rw2 mx2_1 mx2_add; congr mx2; field. Qed.

(* g1: the same function, apart from each other by 45/2 once adapted inside *)
Theorem prop_4_interior_refuted : ~ prop_4_interior R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R); have [a ha] := spectral2 (3/2) (1/2) 0 1.
move=> /(_ _ _ _ (mx2 1 2 0 1) (mx2 1 0 3 1) (mx2 2 1 0 (1/2)) (mx2 (1/2) 0 6 2) 1 Omega x E ltr01 hx).
move=> /(_ 1%N (cl2 1 0) (rw2 (1/2) (1/2)) 0 a isT); rewrite g1_same fro_sqE fro_sq2 g1_adapter => /(_ _ ha).
rewrite (moments hx (fun w => between _ _ _ _ _ _)) !mx2_mul mx2_opp mx2_add fro_sqE fro_sq2 mulr0 => H.
have {}H := H ltac:(lra); lra.
Qed.
Theorem prop_4_every_layer_refuted : ~ prop_4_every_layer R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R); have [a ha] := spectral2 (3/2) (1/2) 0 1.
move=> /(_ _ _ (mx2 1 2 0 1) (mx2 1 0 3 1) (mx2 2 1 0 (1/2)) (mx2 (1/2) 0 6 2) 1 Omega x E ltr01 hx).
move=> /(_ 1%N (cl2 1 0) (rw2 (1/2) (1/2)) 0 a isT); rewrite g1_same fro_sqE fro_sq2 g1_adapter => /(_ _ ha).
have e (w : Omega) (T W1 W2 W1' W2' : 'M[R]_2) : x w *m T *m W1 *m T *m W2 - x w *m T *m W1' *m T *m W2'
   = x w *m (T *m (W1 *m T *m W2 - W1' *m T *m W2')) by rewrite mulmxA mulmxBr !mulmxA.
rewrite (moments hx (fun w => e w _ _ _ _ _)) !mx2_mul mx2_opp mx2_add mx2_mul fro_sqE fro_sq2 mulr0 => H.
have {}H := H ltac:(lra); lra.
Qed.

Lemma spectral_fro m n (M : 'M[R]_(m, n)) : spectral_le M (fro M).
Proof.
move=> x; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 ?norm_ge0 // exprMn !norm_sq fro_sqE.
rewrite -(fro_sq_tr M) fro_sq_rows mulr_suml /dot; apply: ler_sum => i _; rewrite -expr2.
have -> : (x *m M) 0 i = dot (row i M^T) x by rewrite !mxE; apply: eq_bigr => k _; rewrite !mxE mulrC.
exact: cauchy.
Qed.
Theorem prop_4_anisotropic_refuted : ~ prop_4_anisotropic R.
Proof.
pose F := mx2 1 0 0 10; have Fu : \rank F = 2%N.
  apply/eqP; rewrite -/(row_free F); apply: inj_row_free => v; rewrite (rw2P v) rw2_mul => /rowP e.
  have := e 0; have := e 1; rewrite !mxE /= => h1 h2; apply/rowP => j; rewrite !mxE; case: (j == 0); lra.
pose n := 1%N.
have [Omega [z [E hz]]] := law_exists 1 (1 : R).
pose x w := z w *m F.
have hx : law x E (F^T *m F).
  case: hz => ext lin cov.
  have covx i j : E (fun w => x w 0 i * x w 0 j) = (F^T *m F) i j.
    pose Dij (k l : 'I_2) (_ : 'I_1) := F k i * F l j.
    rewrite (ext _ (quadratic z Dij)); last first.
      move=> w; rewrite /quadratic big_ord_recl big_ord0 addr0 !mxE mulr_suml; apply: eq_bigr => k _.
      by rewrite mulr_sumr; apply: eq_bigr => l _; rewrite /Dij; ring.
    rewrite lin big_ord_recl big_ord0 addr0 mxE; apply: eq_bigr => k _.
    rewrite (bigD1 k) //= big1 ?addr0 => [|l hl]; last by rewrite cov mxE eq_sym (negbTE hl) mulr0n mulr0.
    by rewrite cov mxE eqxx expr1n mulr1n mulr1 [F^T i k]mxE.
  split=> //= d D.
  pose D2 (k l : 'I_2) (m : 'I_d) := \sum_i \sum_j D i j m * (F k i * F l j).
  have e2 w : quadratic x D w = quadratic z D2 w.
    apply: eq_bigr => m _; rewrite /D2.
    rewrite (eq_bigr (fun i => \sum_j \sum_k \sum_l D i j m * (F k i * F l j) * (z w 0 k * z w 0 l))); last first.
      move=> i _; apply: eq_bigr => j _; rewrite !mxE mulr_suml mulr_sumr; apply: eq_bigr => k _.
      by rewrite mulr_sumr mulr_sumr; apply: eq_bigr => l _; ring.
    rewrite [RHS](eq_bigr (fun k => \sum_l \sum_i \sum_j D i j m * (F k i * F l j) * (z w 0 k * z w 0 l))); last first.
      by move=> k _; apply: eq_bigr => l _; rewrite mulr_suml; apply: eq_bigr => i _; rewrite mulr_suml.
    rewrite !big_ord_recl !big_ord0; ring.
  rewrite (ext _ _ e2) lin; apply: eq_bigr => m _.
  rewrite /D2 !big_ord_recl !big_ord0 !cov !covx !mxE !big_ord_recl !big_ord0 !mxE /= !expr1n; ring.
have [a [a0 la least]] := spectral2 1 0 (1/2) 1.
move=> /(_ _ _ _ _ (cl2 1 0) (1%:M : 'M_1) (cl2 0 0) (1%:M : 'M_1) F Omega x E Fu hx).
move=> /(_ 1%N (cl2 0 1) (rw2 (1/2) 0) a isT).
have -> : 1%:M + cl2 0 1 *m rw2 (1/2) 0 = mx2 1 0 (1/2) 1 by rewrite cl2_rw2 mx2_1 mx2_add; congr mx2; field.
have sp : spectral (mx2 1 0 (1/2) 1) a by [].
move=> /(_ sp).
have e1 : E (fun w => norm (x w *m mx2 1 0 (1/2) 1 *m cl2 1 0 *m 1%:M - x w *m mx2 1 0 (1/2) 1 *m cl2 0 0 *m 1%:M) ^+ 2)
   = fro_sq (F *m (mx2 1 0 (1/2) 1 *m cl2 1 0 - mx2 1 0 (1/2) 1 *m cl2 0 0)).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite !mulmx1 mulmxBr !mulmxA.
have e2 : E (fun w => norm (x w *m cl2 1 0 *m 1%:M - x w *m cl2 0 0 *m 1%:M) ^+ 2) = fro_sq (F *m (cl2 1 0 - cl2 0 0)).
  by rewrite -(moment _ hx); case: hx => ext _ _; apply: ext => w; rewrite !mulmx1 mulmxBr.
have cl0 : cl2 0 0 = 0 by apply/matrixP => i j; rewrite !mxE; case: (i == 0).
rewrite e1 e2 cl0 mulmx0 !subr0 !mx2_cl2 !fro_sq_cl2 => H.
have a2 : a ^+ 2 <= 9/4.
  have := least _ (fro_ge0 _) (spectral_fro (mx2 1 0 (1/2) 1)) => h.
  by apply: (le_trans (squares a0 h)); rewrite fro_sqE fro_sq2; clear Fu; lra.
clear Fu; lra.
Qed.

Theorem transfer_input_refuted : ~ transfer_input R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R).
move=> /(_ _ 1%:M 1%:M (mx2 0 0 0 1) 1%:M 1 Omega x E ltr01 hx 1%N (cl2 9 0) (rw2 1 0) isT).
rewrite (@prop_4_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx).
rewrite subrr mulmx0 addr0 !mulmx1 cl2_rw2 mx2_1 mx2_opp !mx2_add mx2_mul !fro_sqE !fro_sq2; lra.
Qed.
Theorem transfer_output_refuted : ~ transfer_output R.
Proof.
have [Omega [x [E hx]]] := law_exists 1 (1 : R).
move=> /(_ _ 1%:M 1%:M (mx2 0 0 0 1) 1%:M 1 Omega x E ltr01 hx 1%N (cl2 9 0) (rw2 1 0) isT).
rewrite (@prop_5_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx) (@prop_3_exact_holds _ _ _ _ _ _ _ _ _ _ _ _ ltr01 hx).
rewrite subrr mulmx0 addr0 !mulmx1 cl2_rw2 mx2_1 mx2_opp !mx2_add mx2_mul !fro_sqE !fro_sq2; lra.
Qed.
Theorem eq_5_scope_refuted : ~ eq_5_scope R.
Proof.
have hp : pinv (mx2 1 0 0 0) (mx2 1 0 0 0).
  by rewrite /pinv !mx2_mul; split; apply/matrixP => i j; rewrite !mxE; case: (i == 0); case: (j == 0) => /=; lra.
move=> /(_ _ _ _ 1%:M _ _ hp 1%N (cl2 0 1) (rw2 1 0) isT isT); rewrite cl2_rw2 !mul1mx mx2_1 !mx2_mul !mx2_add !mx2_mul.
by move/matrixP/(_ 1 0); rewrite !mxE /=; lra.
Qed.
Theorem stronger_requirement_refuted : ~ stronger_requirement R.
Proof.
have h11 : rw2 1 1 != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h1n : rw2 1 (-1) != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h22 : rw2 1 2 != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have h2n : rw2 1 (-2) != 0 by apply: rw2_neq0; left; rewrite oner_eq0.
have e1 y : rw2 1 y *m mx2 1 0 0 1 = rw2 1 y by rewrite rw2_mul; congr rw2; ring.
have e2 : rw2 1 1 *m mx2 1 0 0 2 = rw2 1 2 by rewrite rw2_mul; congr rw2; ring.
have e3 : rw2 1 (-1) *m mx2 1 0 0 2 = rw2 1 (-2) by rewrite rw2_mul; congr rw2; ring.
move=> /(_ _ _ (mx2 1 0 0 1) (mx2 1 0 0 2) (rw2 1 1) (rw2 1 (-1))); rewrite !e1 e2 e3.
move=> /(_ h11 h1n h22 h2n 1 ltr01); rewrite mx2_opp mx2_add fro_sqE fro_sq2 => /(_ ltac:(lra)).
have n5 : norm (rw2 1 2) * norm (rw2 1 (-2)) = 5.
  rewrite /norm -sqrtrM ?dot_ge0 // !dot_rw2 (_ : (1 * 1 + 2 * 2) * (1 * 1 + -2 * -2) = 5 ^+ 2); last by ring.
  by rewrite sqrtr_sqr ger0_norm.
rewrite /sim n5 !dot_rw2 (_ : 1 * 1 + 1 * -1 = 0); last by ring.
by rewrite mul0r; lra.
Qed.
Theorem bounds_rank_refuted : ~ bounds_rank R.
Proof.
pose x : 'rV[R]_1 := const_mx 1; pose W : 'M[R]_1 := 10%:M.
have dx : dot x x = 1 by rewrite /dot big_ord_recl big_ord0 !mxE; ring.
have nx : norm x = 1 by rewrite /norm dx sqrtr1.
have x0 : x != 0 by apply/eqP => e; move: dx; rewrite e dot0l => /eqP; rewrite eq_sym oner_eq0.
have xW : x *m W = 10 *: x by rewrite /W mul_mx_scalar.
have nW : norm (x *m W) = 10 by rewrite xW normZ nx ger0_norm //; ring.
have W0 : x *m W != 0 by apply/eqP => e; move: nW; rewrite e /norm dot0l sqrtr0; lra.
move=> /(_ _ _ W W x x x x x0 x0 x0 x0 erefl W0 W0 W0 W0 erefl 0%N 0 0 1 isT isT ler01).
have sp : spectral_le ((0 : 'M[R]_(1, 0)) *m (0 : 'M[R]_(0, 1))) 1.
  by move=> v; rewrite !mulmx0 mul1r {1}/norm dot0l sqrtr0 norm_ge0.
move=> /(_ sp); rewrite /sim nx nW xW dotZl dotZr dx; lra.
Qed.
End RefutedShared.
End RefutedShared.

(* Projections, orthogonality, and what a matrix does to norms. *)
Module Projections.
Import Norms SharedFunction Transfer.
Section Projections.
Variable R : rcfType.

Lemma fro2 m n (A : 'M[R]_(m, n)) : fro A ^+ 2 = inner A A.
Proof. by rewrite fro_sqE fro_inner. Qed.
Lemma fro0 m n (A : 'M[R]_(m, n)) : fro A = 0 -> A = 0.
Proof. by move=> h; apply: inner0; rewrite -fro2 h expr0n. Qed.
Lemma norm0 n (x : 'rV[R]_n) : norm x = 0 -> x = 0.
Proof. by move=> h; apply: dot_eq0; rewrite -norm_sq h expr0n. Qed.
Lemma froD2 m n (A B : 'M[R]_(m, n)) : fro (A + B) ^+ 2 = fro A ^+ 2 + 2 * inner A B + fro B ^+ 2.
Proof. by rewrite !fro2 innerDl !innerDr (innerC B); ring. Qed.
Lemma inner_left m n k (A : 'M[R]_(m, n)) (X : 'M_(m, k)) D : inner A (X *m D) = inner (X^T *m A) D.
Proof. by rewrite /inner trmx_mul mulmxA mxtrace_mulC mulmxA. Qed.
Lemma inner_right m n k (A : 'M[R]_(m, n)) (K : 'M_(k, n)) D : inner A (D *m K) = inner (A *m K^T) D.
Proof. by rewrite /inner trmx_mul mulmxA. Qed.
Lemma inner_tr m n (A B : 'M[R]_(m, n)) : inner A^T B^T = inner A B.
Proof. by rewrite /inner trmxK mxtrace_mulC -mxtrace_tr trmx_mul trmxK. Qed.
Lemma fro_tr m n (A : 'M[R]_(m, n)) : fro A^T = fro A.
Proof. by rewrite /fro fro_sq_tr. Qed.
Lemma fro_le m n p q (A : 'M[R]_(m, n)) (B : 'M[R]_(p, q)) : fro A ^+ 2 <= fro B ^+ 2 -> fro A <= fro B.
Proof. by move=> h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?fro_ge0. Qed.
Lemma fro_orthogonal m n (A B : 'M[R]_(m, n)) : inner A B = 0 -> fro A <= fro (A + B).
Proof. by move=> h; apply: fro_le; rewrite froD2 h mulr0 addr0 lerDl sqr_ge0. Qed.
Lemma norm_orthogonal n (x y : 'rV[R]_n) : dot x y = 0 -> norm x <= norm (x + y).
Proof.
move=> h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?norm_ge0 // !norm_sq !(dotDl, dotDr) (dotC y x) h addr0 add0r lerDl.
exact: dot_ge0.
Qed.
(* what stretches every row by at least s stretches a matrix by at least s *)
Lemma fro_low m n k (D : 'M[R]_(m, n)) (K : 'M[R]_(n, k)) s : 0 <= s -> (forall x : 'rV_n, s * norm x <= norm (x *m K)) ->
  s * fro D <= fro (D *m K).
Proof.
move=> s0 h; rewrite -(@ler_pXn2r _ 2) ?nnegrE ?mulr_ge0 ?fro_ge0 // exprMn !fro_sqE !fro_sq_rows mulr_sumr.
apply: ler_sum => i _; rewrite row_mul -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 //; exact: h.
Qed.
(* a projection and the rest *)
Lemma rank_rest n (P : 'M[R]_n) : P *m P = P -> (\rank (1%:M - P)%R + \rank P)%N = n.
Proof.
move=> h; have a : (1%:M - P <= kermx P)%MS by apply/sub_kermxP; rewrite mulmxBl mul1mx h subrr.
have b : (kermx P <= 1%:M - P)%MS by apply/submxP; exists (kermx P); rewrite mulmxBr mulmx1 mulmx_ker subr0.
have -> : \rank (1%:M - P)%R = (n - \rank P)%N by apply/eqP; rewrite eqn_leq -mxrank_ker !mxrankS.
by rewrite subnK ?rank_leq_row.
Qed.
Lemma rank_left c d (W : 'M[R]_(c, d)) P : pinv W P -> \rank (W *m P) = \rank W.
Proof.
by case=> h _ _ _; apply/eqP; rewrite eqn_leq mxrankM_maxl -{1}h mxrankM_maxl.
Qed.
Lemma rank_right c d (W : 'M[R]_(c, d)) P : pinv W P -> \rank (P *m W) = \rank W.
Proof.
by case=> h _ _ _; apply/eqP; rewrite eqn_leq mxrankM_maxr -{1}h -mulmxA mxrankM_maxr.
Qed.
End Projections.
End Projections.

Module HoldsMaps.
Import Norms Cosine SharedFunction Transfer Projections.
Section HoldsMaps.
Variable R : rcfType.

Theorem eq_5_row_rank_holds : eq_5_row_rank R.
Proof.
move=> c d n x W P _ r A B.
rewrite !(mulmxDr, mulmxBr, mulmxBl, mulmxN, mulmx1) opprD addrACA subrr add0r !mulmxA.
by rewrite -mulmxBl.
Qed.

(* what weights leave open *)
Theorem effect_least_loss_holds : effect_least_loss R.
Proof.
split=> [c d n r g h l' f p s hb hp hr hs s0|v w v0 w0].
  have -> : fro (f *m (g *m h)) = fro (f *m g).
    by apply: (@pexpIrn _ 2); rewrite ?nnegrE ?fro_ge0 // !fro2 mulmxA inner_right -mulmxA hb mulmx1.
  rewrite ler_pdivlMr // mulrC.
  have -> : f *m (l' - g *m h) = f *m g *m (p *m (l' - g *m h)) by rewrite -{1}hr !mulmxA.
  apply: fro_low; first exact: ltW.
  have rd : (r <= d)%N by rewrite -(mxrank1 R r) -hb; apply: leq_trans (mxrankM_maxl _ _) (rank_leq_col _).
  move=> x; case: hs => [_ _ least]; rewrite /wide rd in least.
  have [->|hx] := eqVneq x 0; first by rewrite mul0mx /norm !dot0l sqrtr0 mulr0.
  have px := norm_gt0 hx; rewrite -ler_pdivlMr //; apply: least; first by rewrite divr_ge0 ?norm_ge0.
  exists x => [|y]; first by rewrite /row_free rank_rV hx.
  by rewrite (mx11_scalar y) !mul_scalar_mx -scalemxAl !normZ mulrCA divfK // gt_eqF.
have vn : v != 0 by rewrite gt_eqF.
have fE (a : R) : fro (a%:M : 'M[R]_1) = `|a|.
  by rewrite /fro /fro_sq !big_ord_recl !big_ord0 !mxE eqxx mulr1n !addr0 sqrtr_sqr.
exists 1%N, 1%N, 1%N, 1%N, 1%:M, 1%:M, (1 + v)%:M, (w / v)%:M, 1%:M, v.
have e : (1 + v)%:M - 1%:M = v%:M :> 'M[R]_1 by rewrite -raddfB /=; congr _%:M; ring.
rewrite trmx1 !mulmx1 e !mul1mx -scalar_mxM !fE divfK // !gtr0_norm ?divr_gt0 //.
split=> //; split; first by split; rewrite ?mulmx1 ?trmx1.
split=> //; split; last by do 3 (split=> //); rewrite divr_gt0.
have nE (x : 'rV[R]_1) : norm (x *m v%:M) = v * norm x by rewrite mul_mx_scalar normZ gtr0_norm.
split; first exact: ltW.
  by exists 1%:M => [|x]; [rewrite /row_free mxrank1|rewrite mulmx1 nE].
move=> b b0 [V hV h]; have Vn : V != 0 by move: hV; rewrite /row_free rank_rV; case: (V != 0).
by have := h 1%:M; rewrite mul1mx nE ler_pM2r // norm_gt0.
Qed.
Theorem effect_weights_only_holds : effect_weights_only R.
Proof.
move=> c d l l' u v s t p s0 t0 hp hr hs; split; last by ring.
have e : u *m (l' - l) = u *m l *m (p *m (l' - l)) by rewrite -{1}hr !mulmxA.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?norm_ge0 ?mulr_ge0 ?norm_ge0 ?(ltW s0) // exprMn !norm_sq e.
by rewrite dot_mx hs dotZr.
Qed.
Theorem effect_isometry_holds : effect_isometry R.
Proof.
move=> c d n l l' f t p t0 hp hr hi; set K := p *m (l' - l) in hi.
have KK : K *m K^T = (t ^+ 2)%:M.
  have tt : t ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
  by rewrite -scalemx1 -hi scalerA mulrC div1r mulVf // scale1r.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?fro_ge0 ?mulr_ge0 ?fro_ge0 ?(ltW t0) // exprMn !fro2 -hr -mulmxA -/K (mulmxA f).
by rewrite inner_right -mulmxA KK mul_mx_scalar innerZl.
Qed.
Theorem effect_unbounded_holds : effect_unbounded R.
Proof.
move=> c d l l' u v t t0 /norm0 hv; split.
  by rewrite mulmxDl hv add0r -scalemxAl normZ gtr0_norm.
have := norm_triangle ((v + t *: u) *m (l' - l)) (- (t *: (u *m (l' - l)))).
rewrite mulmxDl -scalemxAl addrK normN normZ gtr0_norm // mulmxBr hv subr0; lra.
Qed.

(* two-way maps *)
Section Fit.
Variables (c d n r : nat) (x : 'M[R]_(n, c)) (u : 'M[R]_(n, d)) (k : 'M[R]_(r, d)) (h : 'M[R]_(r, c)).
Lemma inner_back (B : 'M[R]_(r, c)) (D : 'M[R]_(c, d)) : inner B (k *m D^T) = inner (B^T *m k) D.
Proof. by rewrite -inner_tr trmx_mul trmxK inner_right trmxK. Qed.
Lemma misfit_expand (p D : 'M[R]_(c, d)) : fro (x *m (p + D) - u) ^+ 2 + fro (k *m (p + D)^T - h) ^+ 2
  = fro (x *m p - u) ^+ 2 + fro (k *m p^T - h) ^+ 2 + (fro (x *m D) ^+ 2 + fro (k *m D^T) ^+ 2)
    + 2 * inner (x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k)) D.
Proof.
have -> : x *m (p + D) - u = (x *m p - u) + x *m D by rewrite mulmxDr addrAC.
have -> : k *m (p + D)^T - h = (k *m p^T - h) + k *m D^T by rewrite raddfD /= mulmxDr addrAC.
rewrite !froD2 inner_left inner_back.
have e1 : x^T *m (x *m p - u) = x^T *m x *m p - x^T *m u by rewrite mulmxBr mulmxA.
have e2 : (k *m p^T - h)^T *m k = p *m (k^T *m k) - h^T *m k.
  by rewrite linearB /= trmx_mul trmxK mulmxBl mulmxA.
have -> : x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k) = x^T *m (x *m p - u) + (k *m p^T - h)^T *m k.
  by rewrite e1 e2 opprD addrACA.
rewrite innerDl; ring.
Qed.
Lemma silent (D : 'M[R]_(c, d)) : x^T *m x *m D + D *m (k^T *m k) = 0 -> x *m D = 0 /\ k *m D^T = 0.
Proof.
move=> e; have z : inner (x *m D) (x *m D) + inner (k *m D^T) (k *m D^T) = 0.
  rewrite inner_left inner_back trmx_mul trmxK -innerDl mulmxA -mulmxA.
  by rewrite (mulmxA x^T) -(mulmxA D) e /inner mul0mx mxtrace0.
have a : 0 <= inner (x *m D) (x *m D) by rewrite -fro2 sqr_ge0.
have b : 0 <= inner (k *m D^T) (k *m D^T) by rewrite -fro2 sqr_ge0.
by split; apply: inner0; lra.
Qed.
Lemma unique_fit (p o : 'M[R]_(c, d)) : \rank (x^T *m x) = c ->
  x^T *m x *m p + p *m (k^T *m k) = x^T *m u + h^T *m k ->
  x^T *m x *m o + o *m (k^T *m k) = x^T *m u + h^T *m k -> o = p.
Proof.
move=> hr hp ho; apply/eqP; rewrite -subr_eq0; apply/eqP.
have [hx _] : x *m (o - p) = 0 /\ k *m (o - p)^T = 0.
  apply: silent; transitivity ((x^T *m x *m o + o *m (k^T *m k)) - (x^T *m x *m p + p *m (k^T *m k))).
    by rewrite mulmxBr mulmxBl opprD addrACA.
  by rewrite ho hp subrr.
have U : x^T *m x \in unitmx by rewrite -row_free_unit /row_free hr.
by rewrite -(mulKmx U (o - p)) -mulmxA hx !mulmx0.
Qed.
End Fit.
Theorem two_way_normal_holds : two_way_normal R.
Proof.
move=> c d n r x u k h p o s l l0 e.
have main : fro (x *m o - u) ^+ 2 + fro (k *m o^T - h) ^+ 2 + l * fro (o - s) ^+ 2
  = fro (x *m p - u) ^+ 2 + fro (k *m p^T - h) ^+ 2 + l * fro (p - s) ^+ 2
    + (fro (x *m (o - p)) ^+ 2 + fro (k *m (o - p)^T) ^+ 2 + l * fro (o - p) ^+ 2).
  have eo : o = p + (o - p) by rewrite addrC subrK.
  rewrite {1 2}eo misfit_expand.
  have -> : o - s = (p - s) + (o - p) by apply/matrixP => i j; rewrite !mxE; ring.
  rewrite [fro (p - s + _) ^+ 2]froD2.
  have -> : x^T *m x *m p + p *m (k^T *m k) - (x^T *m u + h^T *m k) = (- l) *: (p - s).
    apply/eqP; rewrite subr_eq; apply/eqP.
    by rewrite -[LHS](addrK (l *: p)) e scaleNr scalerBr opprB [RHS]addrC addrA.
  by rewrite innerZl; ring.
split; first exact: main.
by rewrite main lerDl !addr_ge0 ?sqr_ge0 // mulr_ge0 ?sqr_ge0 // ltW.
Qed.
Theorem two_way_unique_holds : two_way_unique R.
Proof. by move=> c d n r x u k h p o hr hp ho; exact: unique_fit hr hp ho. Qed.
Theorem two_way_exact_holds : two_way_exact R.
Proof.
move=> c d n r x u k h p o hr hu hh ho; apply: unique_fit hr _ ho.
by rewrite hu hh trmx_mul trmxK !mulmxA.
Qed.
Theorem two_way_open_holds : two_way_open R.
Proof.
move=> c d n r x u k h p m p1 p2 h1 h2; case: (h1) => a1 a2 _ _; case: (h2) => b1 b2 _ _.
have zx : x *m (1%:M - p1 *m x) = 0 by rewrite mulmxBr mulmx1 mulmxA a1 subrr.
have zk : k *m (1%:M - p2 *m k)^T = 0.
  case: h2 => _ _ _ sym; rewrite linearB /= trmx1 sym.
  by rewrite mulmxBr mulmx1 mulmxA b1 subrr.
split.
  have -> : x *m (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k)) = x *m p.
    by rewrite [x *m (p + _)]mulmxDr mulmxA (mulmxA x) zx !mul0mx addr0.
  have -> // : k *m (p + (1%:M - p1 *m x) *m m *m (1%:M - p2 *m k))^T = k *m p^T.
  by rewrite linearD /= [k *m (_ + _)]mulmxDr trmx_mul mulmxA zk mul0mx addr0.
split.
  by rewrite -(rank_right h1); apply: rank_rest; rewrite mulmxA a2.
by rewrite -(rank_right h2); apply: rank_rest; rewrite mulmxA b2.
Qed.
Theorem two_way_effect_holds : two_way_effect R.
Proof. by move=> c d n r x u k h p q m <- <-; rewrite trmx_mul !mulmxA. Qed.
Theorem two_way_one_way_holds : two_way_one_way R.
Proof.
move=> c d n x u p /pinv_gram[e _ sym _].
have : (x *m (p *m x^T) *m x)^T = x^T by rewrite e.
by rewrite trmx_mul sym !mulmxA => ->.
Qed.
Theorem two_way_polar_holds : two_way_polar R.
Proof.
move=> d n r x u k h p o f hp ho e.
have fit q : q^T *m q = 1%:M -> fro (x *m q - u) ^+ 2 + fro (k *m q^T - h) ^+ 2
  = fro x ^+ 2 + fro u ^+ 2 + fro k ^+ 2 + fro h ^+ 2 - 2 * inner (p *m (f^T *m f)) q.
  move=> hq; have hq' := mulmx1C hq; rewrite !froD2 !innerNr !froN -e innerDl.
  have -> : fro (x *m q) ^+ 2 = fro x ^+ 2 by rewrite !fro2 inner_right -mulmxA hq' mulmx1.
  have -> : fro (k *m q^T) ^+ 2 = fro k ^+ 2 by rewrite !fro2 inner_right trmxK -mulmxA hq mulmx1.
  have -> : inner (x *m q) u = inner (x^T *m u) q by rewrite innerC inner_left.
  have -> : inner (k *m q^T) h = inner (h^T *m k) q by rewrite innerC inner_back.
  ring.
have at_q q : inner (p *m (f^T *m f)) q = inner f (f *m (p^T *m q)).
  by rewrite !inner_left trmxK.
rewrite (fit p hp) (fit o ho) lerD2l lerN2 ler_pM2l // !at_q hp mulmx1.
apply: le_trans (ler_norm _) _; apply: le_trans (inner_cauchy _ _) _; rewrite -fro2 expr2; apply: ler_wpM2l; first exact: fro_ge0.
apply: fro_le; rewrite !fro2 inner_right trmx_mul trmxK -!mulmxA (mulmxA o) (mulmx1C ho) mul1mx hp mulmx1 //.
Qed.
Theorem two_way_balanced_holds : two_way_balanced R.
Proof.
move=> d a b t g q hr hq e.
have G : g \in unitmx by rewrite -row_free_unit /row_free hr.
have T : invmx g *m t *m q *m (invmx g *m t *m q)^T = invmx g *m (t *m t^T) *m (invmx g)^T.
  by rewrite !trmx_mul !mulmxA -(mulmxA _ q) hq mulmx1.
have I : (invmx g)^T *m g^T = 1%:M by rewrite -trmx_mul mulmxV // trmx1.
rewrite T -e !mulmxA -(mulmxA _ (invmx g)^T g^T) I mulmx1 -(mulmxA _ g (invmx g)) mulmxV // mulmx1.
by rewrite ?mulmxA.
Qed.

(* several layers, noise, a gradient step *)
Theorem several_joint_holds : several_joint R.
Proof.
move=> n o p q s t e r1 r2 j1 j2 x1 x2 y1 y2 /fro0 h1 /fro0 h2; set E := e - _ in h1 h2 *.
have reach i l (r : 'M[R]_(n, i)) (j : 'M[R]_(l, o)) D : r^T *m E *m j^T = 0 -> inner E (r *m D *m j) = 0.
  by move=> z; rewrite inner_right inner_left mulmxA z /inner mul0mx mxtrace0.
have -> : e - (r1 *m y1 *m j1 + r2 *m y2 *m j2) = E + (r1 *m (x1 - y1) *m j1 + r2 *m (x2 - y2) *m j2).
  rewrite /E !mulmxBr !mulmxBl; move: (r1 *m x1 *m j1) (r2 *m x2 *m j2) (r1 *m y1 *m j1) (r2 *m y2 *m j2) => A B C D.
  by apply/matrixP => i j; rewrite !mxE; ring.
by apply: fro_orthogonal; rewrite innerDr !reach // addr0.
Qed.
Theorem several_noise_holds : several_noise R.
Proof. by move=> n q z sigma Omega x E p s0 hx _; rewrite (moment1 _ hx) fro_sq_tr fro_sqE. Qed.
Theorem several_gradient_holds : several_gradient R.
Proof.
move=> k e e' g a b s t _ _ _ _ he he'; set w := e - _; set v := g - _ => hw hv.
have A0 := norm_gt0 he'; have E0 := norm_gt0 he; have W0 := norm_gt0 hw; have V0 := norm_gt0 hv.
have A2 : norm e' ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
have V2 : norm v ^+ 2 != 0 by rewrite gt_eqF // exprn_gt0.
have ow : dot w e' = 0 by rewrite /w dotDl dotNl dotZl -norm_sq divfK // subrr.
have ov : dot v e' = 0 by rewrite /v dotDl dotNl dotZl -norm_sq divfK // subrr.
have ev : dot e v = dot w v by rewrite /w dotDl dotNl dotZl (dotC e') ov mulr0 subr0.
have rest : e - (dot e e' / norm e' ^+ 2 *: e' + dot e v / norm v ^+ 2 *: v) = w - (dot w v / norm v ^+ 2) *: v.
  by rewrite opprD addrA ev.
rewrite rest; set z := w - _.
have ze : dot z e' = 0 by rewrite /z dotDl dotNl dotZl ow ov mulr0 subr0.
have zv : dot z v = 0 by rewrite /z dotDl dotNl dotZl -norm_sq divfK // subrr.
split; last first.
  have -> : e - ((a - b) *: e' + (s - t) *: g) = z + ((dot e e' / norm e' ^+ 2 - (a - b) - (s - t) * (dot g e' / norm e' ^+ 2)) *: e'
      + (dot w v / norm v ^+ 2 - (s - t)) *: v).
    by rewrite /z /w /v; apply/rowP => i; rewrite !mxE; ring.
  by apply: norm_orthogonal; rewrite dotDr !dotZr ze zv !mulr0 addr0.
have zz : norm z ^+ 2 = norm w ^+ 2 - dot w v ^+ 2 / norm v ^+ 2.
  rewrite norm_sq {2}/z dotDr dotNr dotZr zv mulr0 oppr0 addr0 /z dotDl dotNl dotZl (dotC v) -norm_sq; field.
  by rewrite ?expf_neq0 // gt_eqF.
have ww : norm w ^+ 2 = norm e ^+ 2 - dot e e' ^+ 2 / norm e' ^+ 2.
  rewrite norm_sq {2}/w dotDr dotNr dotZr ow mulr0 oppr0 addr0 /w dotDl dotNl dotZl (dotC e' e) -norm_sq; field.
  by rewrite ?expf_neq0 // gt_eqF.
have c2 : sim e e' ^+ 2 = dot e e' ^+ 2 / (norm e ^+ 2 * norm e' ^+ 2) by rewrite /sim; field; rewrite !gt_eqF.
have r2 : sim w v ^+ 2 = dot w v ^+ 2 / (norm w ^+ 2 * norm v ^+ 2) by rewrite /sim; field; rewrite !gt_eqF.
have wE : norm w ^+ 2 = norm e ^+ 2 * (1 - sim e e' ^+ 2) by rewrite ww c2; field; rewrite !gt_eqF.
have zE : norm z ^+ 2 = norm w ^+ 2 * (1 - sim w v ^+ 2) by rewrite zz r2; field; rewrite !gt_eqF.
rewrite zE wE; field; rewrite gt_eqF //.
Qed.

(* a certificate from rows *)
Theorem effect_certified_mean_holds : effect_certified_mean R.
Proof. by move=> k p u v h; rewrite dotZr subKr divfK // gt_eqF. Qed.
Theorem effect_certified_range_holds : effect_certified_range R.
Proof. by move=> d n b a t d0 n0 b0 a0 t0 db na; split; nra. Qed.
Lemma below_one n (u : 'rV[R]_n) i j : below u i -> below u j -> i = j.
Proof.
move=> /forallP hi /forallP hj; apply/eqP; apply: contraT => ij.
have a := hi j; have b := hj i; rewrite eq_sym ij /= in a; rewrite ij /= in b.
by have := lt_trans a b; rewrite ltxx.
Qed.
Lemma count_below n (u : 'rV[R]_n) : (\sum_i below u i <= 1)%N.
Proof.
have [/existsP[i hi]|/existsPn none] := boolP [exists i, below u i]; last first.
  by rewrite big1 // => i _; rewrite (negbTE (none i)).
rewrite (bigD1 i) //= big1 ?addn0 ?leq_b1 // => j ji.
by case hj: (below u j) => //; rewrite (below_one hi hj) eqxx in ji.
Qed.
Theorem effect_certified_next_holds : effect_certified_next R.
Proof.
move=> k u; rewrite /outside ler_nat; apply: leq_trans _ (leq_add (count_below u) (count_below (- u))).
by rewrite -big_split /=; apply: leq_sum => i _; case: (below u i); case: (below (- u) i).
Qed.
End HoldsMaps.
End HoldsMaps.

(* What an adapter keeps of its effect, as the claims state it. *)
Module HoldsEffect.
Import Norms Cosine SharedFunction Transfer HoldsShared Holds1.
Section HoldsEffect.
Variable R : rcfType.
Local Notation row2 := (@row2 R). Local Notation one := (@one R).

(* gains *)
Lemma normB_sq k (x y : 'rV[R]_k) : norm (x - y) ^+ 2 = norm x ^+ 2 - 2 * dot x y + norm y ^+ 2.
Proof. by rewrite !norm_sq !(dotDl, dotDr, dotNl, dotNr) (dotC y x); ring. Qed.
Lemma normZ_sq k a (x : 'rV[R]_k) : norm (a *: x) ^+ 2 = a ^+ 2 * norm x ^+ 2.
Proof. by rewrite !norm_sq dotZl dotZr mulrA expr2. Qed.
Lemma dotE k (x y : 'rV[R]_k) : x != 0 -> y != 0 -> dot x y = sim x y * (norm x * norm y).
Proof. by move=> hx hy; rewrite /sim divfK // mulf_neq0 // gt_eqF ?norm_gt0. Qed.
Lemma across k (e e' : 'rV[R]_k) : e != 0 -> e' != 0 ->
  norm (e' - (dot e e' / norm e ^+ 2) *: e) = norm e' * sine e e'.
Proof.
move=> he he'; have a0 := norm_gt0 he; have b0 := norm_gt0 he'.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?norm_ge0 ?mulr_ge0 ?norm_ge0 ?sine_ge0 //.
rewrite exprMn sine_sq // normB_sq dotZr normZ_sq (dotC e' e) (dotE he he').
by field; rewrite gt_eqF.
Qed.
Theorem effect_retained_holds : effect_retained R.
Proof.
rewrite /effect_retained; named.
split=> [k g h e e' tuned he he'|s q u hs q0 u0].
  have a0 := norm_gt0 he; have b0 := norm_gt0 he'.
  have -> : norm g ^+ 2 - norm (g - e) ^+ 2 = norm e ^+ 2 by rewrite normB_sq tuned; ring.
  rewrite normB_sq dotDl.
  set lhs := (X in `|X|).
  have -> : lhs = 2 * dot (g - e) (e' - (dot e e' / norm e ^+ 2) *: e) / norm e ^+ 2.
    rewrite /lhs !(dotDl, dotDr, dotNl, dotNr, dotZr) tuned -norm_sq (dotE he he').
    by field; rewrite gt_eqF.
  rewrite normrM normfV [`|norm e ^+ 2|]ger0_norm ?sqr_ge0 // ler_pdivrMr ?exprn_gt0 // normrM ger0_norm //.
  have -> : 2 * (norm e' / norm e) * sine e e' * (norm (g - e) / norm e) * norm e ^+ 2
    = 2 * (norm (g - e) * (norm e' * sine e e')) by field; rewrite gt_eqF.
  by rewrite ler_pM2l // -across // cauchy_norm.
have [c [c0 sc]] := circle hs.
have n1 : norm (row2 1 0) = 1 by apply: norm2 => //; ring.
have h1 : row2 1 0 != 0 by rewrite row2_neq0 // oner_eq0.
have n2 : norm (row2 (q * s) (q * c)) = q.
  by apply: norm2; [rewrite -[q in RHS]mulr1 exprMn -[1]/(1 : R) expr1n -sc; ring|lra].
have h2 : row2 (q * s) (q * c) != 0.
  by apply/eqP => h; have := n2; rewrite h /norm dot0l sqrtr0 => z; rewrite -z ltxx in q0.
have d : dot (row2 1 0) (row2 (q * s) (q * c)) = q * s by rewrite dot2; ring.
have hsim : sim (row2 1 0) (row2 (q * s) (q * c)) = s by rewrite /sim n1 n2 d; field; rewrite gt_eqF.
have hsine : sine (row2 1 0) (row2 (q * s) (q * c)) = c.
  by rewrite /sine hsim (_ : 1 - s ^+ 2 = c ^+ 2) ?sqrtr_sqr ?gtr0_norm //; rewrite -sc; ring.
exists 2%N, (row2 1 u), 0, (row2 1 0), (row2 (q * s) (q * c)).
have tuned : dot (row2 1 u) (row2 1 0) = norm (row2 1 0) ^+ 2 by rewrite dot2 n1; ring.
have rest : norm (row2 1 u - row2 1 0) = u.
  have -> : row2 1 u - row2 1 0 = row2 0 u :> 'rV[R]_2.
    by apply/rowP => j; rewrite !mxE; case: ifP => _; ring.
  by apply: norm2; [ring|lra].
have gs : norm (row2 1 u) ^+ 2 - norm (row2 1 u - row2 1 0) ^+ 2 = 1.
  by rewrite normB_sq tuned n1; ring.
rewrite addr0 gs normB_sq dot0l hsim hsine n1 n2 rest.
have dg : dot (row2 1 u) (row2 (q * s) (q * c)) = q * s + u * (q * c) by rewrite dot2; ring.
rewrite dg !divr1; split; first by rewrite tuned n1.
do 5 (split=> //); split; last by rewrite !mulr_gt0.
set lhs := (X in `|X|); have -> : lhs = 2 * q * c * u by rewrite /lhs expr1n; field.
by rewrite gtr0_norm // !mulr_gt0.
Qed.
Theorem effect_best_strength_holds : effect_best_strength R.
Proof.
move=> k e e' he he'; have a0 := norm_gt0 he; have b0 := norm_gt0 he'.
have n0 : norm (0 : 'rV[R]_k) = 0 by rewrite /norm dot0l sqrtr0.
rewrite subrr n0 expr0n subr0 !normB_sq dotZr normZ_sq !(dotE he he').
move: (sim e e') (norm e) (norm e') a0 b0 => c a b a0 b0; split.
  by rewrite ler_pdivrMr ?exprn_gt0 //; have := sqr_ge0 (c * a - b); nra.
by field; rewrite !gt_eqF.
Qed.

(* readers and writers *)
Lemma inner_row n (u v : 'rV[R]_n) : inner u v = dot u v.
Proof. by rewrite /inner /mxtrace big_ord1 mxE; apply: eq_bigr => i _; rewrite mxE. Qed.
Lemma inner_tr m n (A B : 'M[R]_(m, n)) : inner A^T B^T = inner A B.
Proof. by rewrite /inner trmxK mxtrace_mulC -/(inner B A) innerC. Qed.
Theorem effect_read_write_holds : effect_read_write R.
Proof. by move=> n o p q s t r r' j j' m l; rewrite read_write /inner [RHS]mxtrace_mulC !mulmxA. Qed.
Lemma rank_one_inner n p s o (r r' : 'M[R]_(n, p)) (j j' : 'M[R]_(s, o)) (u : 'rV[R]_p) (v : 'rV[R]_s) :
  inner (r *m (u^T *m v) *m j) (r' *m (u^T *m v) *m j') = dot (u *m r^T) (u *m r'^T) * dot (v *m j) (v *m j').
Proof. by rewrite rank_one -!inner_row -[inner (_ *m u^T) _]inner_tr !trmx_mul trmxK. Qed.
Lemma rank_one_fro n p s o (r : 'M[R]_(n, p)) (j : 'M[R]_(s, o)) (u : 'rV[R]_p) (v : 'rV[R]_s) :
  fro (r *m (u^T *m v) *m j) = norm (u *m r^T) * norm (v *m j).
Proof.
apply: (@pexpIrn _ 2); rewrite ?nnegrE ?fro_ge0 ?mulr_ge0 ?norm_ge0 //.
by rewrite exprMn fro_sqE fro_inner rank_one_inner !norm_sq.
Qed.
Theorem effect_rank_one_holds : effect_rank_one R.
Proof.
move=> n o p s r r' j j' u v hr hr' hj hj'; have := (norm_gt0 hr, norm_gt0 hr', norm_gt0 hj, norm_gt0 hj').
move=> [[[a b] c] d]; rewrite !rank_one_inner !rank_one_fro /sim.
by split; field; rewrite !gt_eqF.
Qed.

(* LoRA or input or output *)
Lemma error k (a b e : 'rV[R]_k) :
  norm (a + b - e) ^+ 2 = norm (a - e) ^+ 2 + norm b ^+ 2 - 2 * dot (e - a) b.
Proof.
by rewrite !norm_sq !(dotDl, dotDr, dotNl, dotNr) (dotC b a) (dotC e a) (dotC e b); ring.
Qed.
Theorem effect_lora_or_input_holds : effect_lora_or_input R.
Proof.
move=> c d o z W j m W' e; rewrite -error; congr (norm (_ - e) ^+ 2).
by rewrite -mulmxDl !mulmxA -mulmxDr addrC subrK.
Qed.
Theorem effect_lora_or_output_holds : effect_lora_or_output R.
Proof.
move=> c d o z W j m W' e; rewrite -error; congr (norm (_ - e) ^+ 2).
by rewrite -!mulmxDl !mulmxA -!mulmxDl -mulmxDr [W + _]addrC subrK.
Qed.
Theorem effect_same_layer_holds : effect_same_layer R.
Proof. by move=> c d n o z W j m W' h ->; rewrite !mulmxA. Qed.
Theorem effect_independent_change_holds : effect_independent_change R.
Proof.
move=> c d o z W j m h e; set a := z *m (m *m W) *m j; set b := z *m m *m h *m j.
have -> : z *m m *m (W + h) *m j = a + b by rewrite mulmxDr mulmxDl /a !mulmxA.
have -> : z *m m *m (W - h) *m j = a + - b by rewrite mulmxBr mulmxBl /a !mulmxA.
by rewrite !error normN dotNr; field.
Qed.
Theorem effect_scale_gauge_holds : effect_scale_gauge R.
Proof.
move=> c d n o z W j m h s s0; rewrite -!scalemxAr -!scalemxAl -?scalemxAr scalerA div1r; split=> //.
by rewrite ?mulVf ?mulfV ?scale1r // gt_eqF.
Qed.

(* the layer filters one side *)
Lemma full n (F : 'M[R]_n) : \rank F = n -> F \in unitmx.
Proof. by move=> h; rewrite -row_free_unit /row_free h. Qed.
Lemma one1 : one 1 = 1%:M :> 'M[R]_1.
Proof. by []. Qed.
Lemma oneM (a b : R) : one a *m one b = one (a * b).
Proof. by rewrite /one -scalar_mxM. Qed.
Theorem effect_filter_input_holds : effect_filter_input R.
Proof.
split=> [c d o f W h m s1 /full u [s0 le _]|a b a0 b0].
  by rewrite (_ : f *m m *m W *m h = f *m m *m invmx f *m (f *m W *m h)) ?fro_mull // !mulmxA mulmxKV.
exists 1%N, 1%N, 1%N, (one 1), (one 1), (one b), (one a), a.
rewrite one1 mxrank1 invmx1 !(mulmx1, mul1mx) oneM !fro1 !gtr0_norm ?mulr_gt0 //.
split=> //; split; first by apply: spectral1; rewrite ltW.
by do 3 (split=> //); rewrite mulr_gt0.
Qed.
Theorem effect_filter_output_holds : effect_filter_output R.
Proof.
split=> [c d n h W f m s1 /full u [s0 le _]|a b a0 b0].
  by rewrite mulrC (_ : h *m W *m m *m f = h *m W *m f *m (invmx f *m m *m f)) ?fro_mulr // !mulmxA mulmxK.
exists 1%N, 1%N, 1%N, (one b), (one 1), (one 1), (one a), a.
rewrite one1 mxrank1 invmx1 !(mulmx1, mul1mx) oneM !fro1 !gtr0_norm ?mulr_gt0 //.
split=> //; split; first by apply: spectral1; rewrite ltW.
by do 3 (split=> //); rewrite mulr_gt0.
Qed.
Theorem effect_filter_lora_holds : effect_filter_lora R.
Proof.
split=> [c o f W h m s1 /full u [s0 le _]|a b a0 b0].
  by rewrite (_ : f *m m *m h = f *m m *m invmx (f *m W) *m (f *m W *m h)) ?fro_mull // mulmxA mulmxKV.
exists 1%N, 1%N, (one 1), (one 1), (one b), (one a), a.
rewrite one1 mul1mx mxrank1 invmx1 !(mulmx1, mul1mx) oneM !fro1 !gtr0_norm ?mulr_gt0 //.
split=> //; split; first by apply: spectral1; rewrite ltW.
by do 3 (split=> //); rewrite mulr_gt0.
Qed.

(* the best adapter *)
Theorem effect_best_holds : effect_best R.
Proof.
move=> n o p q s t r r' m j j' x C K hC hK; have [rk missed le] := @carried R _ _ _ _ _ _ r r' j j' m C K hC hK.
by do 2 (split; first by rewrite ?ler_wsqrtr // !fro_sqE).
Qed.
Theorem effect_gauge_holds : effect_gauge R.
Proof.
by move=> n o p s r a m b j /full ua /full ub; rewrite !mulmxA mulmxK // -!mulmxA (mulmxA (invmx b)) mulVmx // mul1mx !mulmxA.
Qed.
Theorem effect_telescope_holds : effect_telescope R.
Proof.
split=> [n o e0 e1 e2 e3|].
  rewrite (_ : e3 - e0 = (e1 - e0) + (e2 - e1) + (e3 - e2)); last first.
    by apply/matrixP => i j; rewrite !mxE; ring.
  by apply: (le_trans (fro_triangle _ _)); rewrite lerD2r fro_triangle.
exists 1%N, 1%N, (one 0), (one 1), (one 2), (one 3).
by rewrite /one -!raddfB /= -/(one _) !fro1 !ger0_norm; [lra|lra..].
Qed.

(* all laws of the inputs *)
Theorem effect_every_law_holds : effect_every_law R.
Proof.
split=> [c d n l l' f P s hP hs [s0 le _]|a b a0 b0].
  by rewrite -hs !mulmxA -[f *m l *m P *m _]mulmxA fro_mulr.
exists 1%N, 1%N, 1%N, (one 1), (one (1 + a)), (one b), (one 1), a.
have e : one (1 + a) - one 1 = one a by rewrite -raddfB /=; congr _%:M; ring.
rewrite e one1 !(mulmx1, mul1mx) !fro1 oneM fro1 !gtr0_norm ?mulr_gt0 //.
split; first by split; rewrite ?mulmx1 ?trmx1.
by do 2 (split=> //); first (by apply: spectral1; rewrite ltW); do 3 (split=> //); rewrite mulrC.
Qed.

(* what does not tell *)
Lemma inner1 (a b : R) : inner (one a) (one b) = a * b.
Proof. by rewrite /inner /one tr_scalar_mx -scalar_mxM mxtrace_scalar mulr1n. Qed.
Theorem effect_discrepancy_refuted : ~ effect_discrepancy R.
Proof.
move=> /(_ 1%N 1%N (one 1) (one (3/2)) (one (- (1/2)))).
rewrite /one -!raddfD /= -!scalar_mxM -!raddfB /= -!raddfD /= -!raddfB /= -!/(one _) !inner1 !fro1.
by rewrite ![`| _ |]ler0_norm; [|lra..]; move=> H; have := H ltac:(lra); rewrite ler_pdivlMr; lra.
Qed.
Definition turn : 'M[R]_2 := \matrix_(i, j) (if i == j then (if i == 0 then -1 else 1) else 0).
Lemma turn_turn : turn *m turn = 1%:M.
Proof.
apply/matrixP => -[[|[|i]] hi] -[[|[|j]] hj] //; rewrite !mxE !big_ord_recl big_ord0 !mxE /=; ring.
Qed.
Lemma turned : turn *m delta_mx 0 1 *m turn = - delta_mx 0 1.
Proof.
apply/matrixP => -[[|[|i]] hi] -[[|[|j]] hj] //; do 3 rewrite ?mxE ?big_ord_recl ?big_ord0 /=; ring.
Qed.
Theorem effect_own_layer_refuted : ~ effect_own_layer R.
Proof.
move=> /(_ 2%N 2%N 2%N 2%N 1%:M turn (delta_mx 0 1) 1%:M 1%:M turn).
rewrite !mulmx1 turn_turn turned !mul1mx -opprD froN -mulr2n -scaler_nat => /(_ erefl).
rewrite !fro_sqE fro_sqZ; have : 0 < fro_sq (delta_mx 0 1 : 'M[R]_2).
  by rewrite /fro_sq !big_ord_recl !big_ord0 !mxE /=; lra.
lra.
Qed.
End HoldsEffect.
End HoldsEffect.
