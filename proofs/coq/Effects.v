(* The effect of an adapter on another model, as the claims state it. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows Functions Statements Models Lemma1.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
