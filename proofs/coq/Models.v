(* Props. 3 to 5, Eqs. 2 to 6 and what is said about them, as the claims state them. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Statements.
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
