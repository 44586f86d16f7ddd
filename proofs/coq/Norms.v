(* Inner products and norms in any dimension: Cauchy and Schwarz, triangle inequalities, products. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Norms.
Variable R : rcfType.
Implicit Types n : nat.

Lemma dotC n (u v : 'rV[R]_n) : dot u v = dot v u.
Proof. by apply: eq_bigr => i _; rewrite mulrC. Qed.
Lemma dotDl n (u v w : 'rV[R]_n) : dot (u + v) w = dot u w + dot v w.
Proof. by rewrite -big_split; apply: eq_bigr => i _; rewrite !mxE mulrDl. Qed.
Lemma dotZl n a (u v : 'rV[R]_n) : dot (a *: u) v = a * dot u v.
Proof. by rewrite /dot mulr_sumr; apply: eq_bigr => i _; rewrite !mxE mulrA. Qed.
Lemma dotDr n (u v w : 'rV[R]_n) : dot w (u + v) = dot w u + dot w v.
Proof. by rewrite dotC dotDl !(dotC w). Qed.
Lemma dotZr n a (u v : 'rV[R]_n) : dot v (a *: u) = a * dot v u.
Proof. by rewrite dotC dotZl (dotC v). Qed.
Lemma dotNl n (u v : 'rV[R]_n) : dot (- u) v = - dot u v.
Proof. by rewrite -scaleN1r dotZl mulN1r. Qed.
Lemma dotNr n (u v : 'rV[R]_n) : dot v (- u) = - dot v u.
Proof. by rewrite dotC dotNl (dotC v). Qed.
Lemma dot_ge0 n (u : 'rV[R]_n) : 0 <= dot u u.
Proof. by apply: sumr_ge0 => i _; rewrite -expr2 sqr_ge0. Qed.
Lemma norm_ge0 n (u : 'rV[R]_n) : 0 <= norm u.
Proof. exact: sqrtr_ge0. Qed.
Lemma norm_sq n (u : 'rV[R]_n) : norm u ^+ 2 = dot u u.
Proof. by rewrite sqr_sqrtr // dot_ge0. Qed.
Lemma dot_eq0 n (u : 'rV[R]_n) : dot u u = 0 -> u = 0.
Proof.
move/eqP; rewrite psumr_eq0 => [/allP h|i _]; last by rewrite -expr2 sqr_ge0.
apply/rowP => i; rewrite mxE; apply/eqP; move: (h i); rewrite mem_index_enum => /(_ isT).
by rewrite mulf_eq0 orbb.
Qed.
Lemma norm_gt0 n (u : 'rV[R]_n) : u != 0 -> 0 < norm u.
Proof.
move=> hu; rewrite lt_def norm_ge0 andbT; apply: contra hu => /eqP h; apply/eqP/dot_eq0.
by rewrite -norm_sq h expr0n.
Qed.
Lemma dot0l n (v : 'rV[R]_n) : dot 0 v = 0.
Proof. by rewrite /dot big1 // => i _; rewrite mxE mul0r. Qed.
Lemma cauchy n (u v : 'rV[R]_n) : dot u v ^+ 2 <= dot u u * dot v v.
Proof.
have [->|hv] := eqVneq v 0.
  by rewrite dotC dot0l (dot0l 0) mulr0 expr0n.
have hvv : 0 < dot v v by rewrite -norm_sq exprn_gt0 // norm_gt0.
have := dot_ge0 (dot v v *: u - dot u v *: v).
rewrite dotDl !dotDr !dotNl !dotNr !dotZl !dotZr (dotC v u) => h.
have {}h : 0 <= dot v v * (dot u u * dot v v - dot u v ^+ 2) by apply: le_trans h _; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
by rewrite pmulr_rge0 // subr_ge0 in h.
Qed.
Lemma cauchy_norm n (u v : 'rV[R]_n) : `|dot u v| <= norm u * norm v.
Proof.
rewrite -(@ler_pXn2r _ 2) // ?nnegrE ?normr_ge0 ?mulr_ge0 ?norm_ge0 //.
by rewrite exprMn !norm_sq real_normK ?num_real // cauchy.
Qed.

Lemma sim_le1 n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> `|sim u v| <= 1.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
by rewrite /sim normrM normfV (gtr0_norm (mulr_gt0 pu pv)) ler_pdivrMr ?mulr_gt0 // mul1r cauchy_norm.
Qed.

(* Props. 3-5, deterministic part *)
Lemma norm_triangle n (u v : 'rV[R]_n) : norm (u + v) <= norm u + norm v.
Proof.
rewrite -(@ler_pXn2r _ 2) // ?nnegrE ?addr_ge0 ?norm_ge0 //.
rewrite norm_sq dotDl !dotDr (dotC v u) sqrrD !norm_sq.
have := ler_norm (dot u v); have := cauchy_norm u v; rewrite mulr2n; lra.
Qed.
Lemma fro_sq_rows m n (M : 'M[R]_(m,n)) : fro_sq M = \sum_i dot (row i M) (row i M).
Proof. by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite !mxE expr2. Qed.
Lemma fro_sq_tr m n (M : 'M[R]_(m,n)) : fro_sq M^T = fro_sq M.
Proof. by rewrite /fro_sq exchange_big; apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mxE. Qed.
Lemma spectral_le_sq m n (M : 'M[R]_(m,n)) e : 0 <= e -> spectral_le M e ->
  forall x : 'rV_m, dot (x *m M) (x *m M) <= e ^+ 2 * dot x x.
Proof.
move=> he h x; rewrite -!norm_sq -exprMn ler_pXn2r ?nnegrE ?mulr_ge0 ?norm_ge0 //; exact: h.
Qed.
Lemma dot_mx n m (u : 'rV[R]_n) (M : 'M_(n,m)) (w : 'rV_m) : dot (u *m M) w = dot u (w *m M^T).
Proof.
have e k (a b : 'rV[R]_k) : dot a b = (a *m b^T) 0 0 by rewrite mxE; apply: eq_bigr => i _; rewrite mxE.
by rewrite !e trmx_mul trmxK mulmxA.
Qed.
Lemma spectral_le_tr m n (M : 'M[R]_(m,n)) e : 0 <= e -> spectral_le M e -> spectral_le M^T e.
Proof.
move=> he h x; have [z|nz] := eqVneq (x *m M^T) 0.
  by rewrite z /norm /dot big1 ?sqrtr0 ?mulr_ge0 ?sqrtr_ge0 // => i _; rewrite mxE mul0r.
have p := norm_gt0 nz; rewrite -(ler_pM2l p) -expr2 norm_sq dot_mx trmxK.
apply: le_trans (ler_norm _) _; apply: le_trans (cauchy_norm _ _) _.
have := h (x *m M^T); have := norm_ge0 x; nra.
Qed.

(* |D M|_F <= e |D|_F and |M D|_F <= e |D|_F for |M|_2 <= e *)
Lemma fro_sq_mulr k m n (D : 'M[R]_(k,m)) (M : 'M_(m,n)) e : 0 <= e -> spectral_le M e ->
  fro_sq (D *m M) <= e ^+ 2 * fro_sq D.
Proof.
move=> he h; rewrite !fro_sq_rows mulr_sumr; apply: ler_sum => i _; rewrite row_mul; exact: spectral_le_sq.
Qed.
Lemma fro_sq_mull k m n (D : 'M[R]_(m,k)) (M : 'M_(n,m)) e : 0 <= e -> spectral_le M e ->
  fro_sq (M *m D) <= e ^+ 2 * fro_sq D.
Proof.
by move=> he h; rewrite -fro_sq_tr trmx_mul -(fro_sq_tr D); apply: fro_sq_mulr => //; apply: spectral_le_tr.
Qed.
Lemma fro_sq_ge0 m n (D : 'M[R]_(m,n)) : 0 <= fro_sq D.
Proof. by apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite sqr_ge0. Qed.
Lemma fro_sq_vec m n (D : 'M[R]_(m,n)) : fro_sq D = dot (mxvec D) (mxvec D).
Proof.
rewrite /fro_sq /dot (reindex _ (curry_mxvec_bij _ _)) /= pair_bigA /=.
by apply: eq_bigr => -[i j] _; rewrite mxvecE expr2.
Qed.
Lemma fro_triangle m n (D E : 'M[R]_(m,n)) : fro (D + E) <= fro D + fro E.
Proof. by rewrite /fro !fro_sq_vec linearD; exact: norm_triangle. Qed.

Lemma normZ n (a : R) (u : 'rV[R]_n) : norm (a *: u) = `|a| * norm u.
Proof. by rewrite /norm dotZl dotZr mulrA -expr2 sqrtrM ?sqr_ge0 // sqrtr_sqr. Qed.
Lemma normN n (u : 'rV[R]_n) : norm (- u) = norm u.
Proof. by rewrite /norm dotNl dotNr opprK. Qed.
End Norms.
