(* Rows: inner products, norms, the cosine with its first- and second-order terms and its remainder, and angles. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Inner products and norms in any dimension: Cauchy and Schwarz, triangle inequalities, products. *)
Module Norms.
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
have := h (x *m M^T); have := norm_ge0 x; clear; nra.
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
End Norms.

(* Lemmas 1 and 2: the first-order term of the cosine, its bounds, its remainder, its second-order term. *)
Module Cosine.
Import Norms.
Section Cosine.
Variable R : rcfType.

(* Lemma 1, Eq. 7 *)
Definition delta n (u v du dv : 'rV[R]_n) : R :=
  (dot du v + dot u dv) / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2 + dot v dv / norm v ^+ 2).

Lemma half n (u v du : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2)| <= sine u v * (norm du / norm u).
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
pose w := (norm u * norm v)^-1 *: v - (sim u v / norm u ^+ 2) *: u.
have -> : dot du v / (norm u * norm v) - sim u v * (dot u du / norm u ^+ 2) = dot du w.
  by rewrite /w dotDr dotNr !dotZr (dotC du u); field; rewrite !gt_eqF.
have ww : norm w = sine u v / norm u.
  have hw : dot w w = (1 - sim u v ^+ 2) / norm u ^+ 2.
    rewrite /w dotDl !dotDr !dotNl !dotNr !dotZl !dotZr (dotC v u) -!norm_sq /sim; field; by rewrite !gt_eqF.
  rewrite /norm hw sqrtrM; last first.
    have := dot_ge0 w; rewrite hw pmulr_lge0 // invr_gt0 exprn_gt0 //.
  by rewrite sqrtrV ?sqr_ge0 // sqrtr_sqr gtr0_norm.
apply: le_trans (cauchy_norm _ _) _; rewrite ww le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

Lemma simC n (u v : 'rV[R]_n) : sim v u = sim u v.
Proof. by rewrite /sim dotC (mulrC (norm v)). Qed.

Lemma sineC n (u v : 'rV[R]_n) : sine v u = sine u v.
Proof. by rewrite /sine simC. Qed.

Theorem delta_sharp n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; rewrite /delta [X in _ <= X]mulrDr.
have h1 := half du hu hv; have := half dv hv hu; rewrite simC sineC => h2.
apply: (le_trans _ (lerD h1 h2)); apply: (le_trans _ (ler_normD _ _)).
rewrite (dotC u dv) (mulrC (norm v) (norm u)) le_eqVlt; apply/orP; left; apply/eqP; congr `|_|; ring.
Qed.

Lemma sine_ge0 n (u v : 'rV[R]_n) : 0 <= sine u v.
Proof. exact: sqrtr_ge0. Qed.
Lemma sine_le1 n (u v : 'rV[R]_n) : sine u v <= 1.
Proof. by rewrite -[X in _ <= X]sqrtr1 ler_wsqrtr // lerBlDr lerDl sqr_ge0. Qed.
Lemma sine_sq n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> sine u v ^+ 2 = 1 - sim u v ^+ 2.
Proof.
move=> hu hv; rewrite sqr_sqrtr // subr_ge0; have := sim_le1 hu hv.
by rewrite -[sim u v ^+ 2]real_normK ?num_real // => h; rewrite expr_le1 ?normr_ge0.
Qed.

Theorem delta_bound n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 ->
  `|delta u v du dv| <= (1 + `|sim u v|) * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv; apply: le_trans (delta_sharp du dv hu hv) _.
apply: ler_wpM2r; first by rewrite addr_ge0 // divr_ge0 // norm_ge0.
by apply: le_trans (sine_le1 u v) _; rewrite lerDl.
Qed.

(* unit vectors *)
Definition hat n (u : 'rV[R]_n) := (norm u)^-1 *: u.
Lemma hat1 n (u : 'rV[R]_n) : u != 0 -> dot (hat u) (hat u) = 1.
Proof. by move=> h; rewrite /hat dotZl dotZr -norm_sq; field; rewrite gt_eqF // norm_gt0. Qed.
Lemma sim_hat n (u v : 'rV[R]_n) : sim u v = dot (hat u) (hat v).
Proof. by rewrite /sim /hat dotZl dotZr invfM; ring. Qed.
Lemma norm1 n (u : 'rV[R]_n) : dot u u = 1 -> norm u = 1.
Proof. by move=> h; rewrite /norm h sqrtr1. Qed.

(* one vector is changed: |R| <= (1 + |s|) rho^2 *)
Lemma one_vector n (p q w : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 -> dot w w = 1 ->
  `|dot q w - dot p w - dot (w - dot p w *: p) (r *: q - p)| <= (1 + `|dot p w|) * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq hw.
have cpw := cauchy p w; have cpq := cauchy p q; rewrite hp hw mulr1 in cpw; rewrite hp hq mulr1 in cpq.
have cz := cauchy (w - dot p w *: p) (q - dot p q *: p).
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) (dotC q w) ?hp ?hq ?hw.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC w p) (dotC q p) ?hp ?hq ?hw in cz.
move: (dot p w) (dot p q) (dot w q) cpw cpq cz => s x y s1 x1 cz.
set a := `|s|; have a0 : 0 <= a by rewrite normr_ge0.
have aa : a ^+ 2 = s ^+ 2 by rewrite real_normK ?num_real.
have [xl xu] : -1 <= x /\ x <= 1 by split; clear -x1; nra.
have a1 : a <= 1 by clear -aa s1; nra.
set z := y - s * x.
have hz : z ^+ 2 <= (1 - a ^+ 2) * (1 - x ^+ 2) by rewrite aa /z; clear -cz; lra.
set rho := r ^+ 2 - 2 * r * x + 1; pose g := rho - (1 - x).
have key : rho ^+ 2 - g ^+ 2 - (1 - x ^+ 2) * (1 - r) ^+ 2 = r * (2 + r) * (1 - x) ^+ 2 by rewrite /g /rho; ring.
have key0 : (1 - x ^+ 2) * (1 - r) ^+ 2 <= rho ^+ 2 - g ^+ 2.
  rewrite -subr_ge0 key; apply: mulr_ge0; last exact: sqr_ge0.
  by apply: mulr_ge0 => //; clear -hr; lra.
have rho0 : 0 <= rho by rewrite /rho; have := sqr_ge0 (r - x); clear -x1; nra.
have x2 : 0 <= 1 - x ^+ 2 by clear -x1; nra.
have k1 : 0 <= (1 - x ^+ 2) * (1 - r) ^+ 2 by rewrite mulr_ge0 ?sqr_ge0.
have gr : `|g| <= rho by rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real //; clear -key0 k1; lra.
move: (gr); rewrite ler_norml => /andP[g1 g2].
have hag : 0 <= rho + a * g.
  have : - (a * rho) <= a * g by rewrite -mulrN ler_wpM2l.
  have : a * rho <= rho by rewrite ler_piMl.
  clear; lra.
have hk : `|(1 - r) * z| <= rho + a * g.
  rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 // real_normK ?num_real // exprMn.
  have h1 : (1 - r) ^+ 2 * z ^+ 2 <= (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2).
    by have := ler_wpM2l (sqr_ge0 (1 - r)) hz; clear; lra.
  have h2 : (1 - a ^+ 2) * ((1 - x ^+ 2) * (1 - r) ^+ 2) <= (1 - a ^+ 2) * (rho ^+ 2 - g ^+ 2).
    by apply: ler_wpM2l => //; nra.
  by have := sqr_ge0 (a * rho + g); clear -h1 h2; lra.
have hs : `|s * (1 - x)| = a * (1 - x) by rewrite normrM (@ger0_norm _ (1 - x)) // subr_ge0.
rewrite [X in `|X|](_ : _ = (1 - r) * z - s * (1 - x)); last by rewrite /z; ring.
rewrite [X in _ <= _ * X](_ : _ = rho); last by rewrite /rho; ring.
apply: (le_trans (ler_normB _ _)); rewrite hs; rewrite /g in hk; clear -hk; lra.
Qed.

Lemma unit_dist n (p q : 'rV[R]_n) (r : R) : 0 <= r -> dot p p = 1 -> dot q q = 1 ->
  dot (q - p) (q - p) <= 4 * dot (r *: q - p) (r *: q - p).
Proof.
move=> hr hp hq.
have cpq := cauchy p q; rewrite hp hq mulr1 in cpq.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) ?hp ?hq.
move: (dot p q) cpq => x x1.
have [xl xu] : -1 <= x /\ x <= 1 by split; clear -x1; nra.
have hx1 : 1 - x <= 2 * (r ^+ 2 - 2 * r * x + 1).
  by have [h|h] := lerP 0 x; have := sqr_ge0 (r - x); have := sqr_ge0 r; clear -x1 hr; nra.
clear -hx1; lra.
Qed.

Lemma hat_step n (u du : 'rV[R]_n) : u != 0 -> u + du != 0 ->
  (norm (u + du) / norm u) *: hat (u + du) - hat u = (norm u)^-1 *: du.
Proof.
move=> hu hv; rewrite /hat scalerA mulrAC divff ?mul1r ?gt_eqF ?norm_gt0 //.
by rewrite -scalerBr addrC addKr.
Qed.

Definition rho_sq n (u du : 'rV[R]_n) := (norm du / norm u) ^+ 2.
Lemma rho_sqE n (u du : 'rV[R]_n) : dot ((norm u)^-1 *: du) ((norm u)^-1 *: du) = rho_sq u du.
Proof. by rewrite dotZl dotZr /rho_sq exprMn norm_sq; ring. Qed.
Lemma rho_sq_ge0 n (u du : 'rV[R]_n) : 0 <= rho_sq u du.
Proof. exact: sqr_ge0. Qed.

Theorem remainder n (u v du dv : 'rV[R]_n) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  `|sim (u + du) (v + dv) - sim u v - delta u v du dv| <= (3 + `|sim u v|) * (rho_sq u du + rho_sq v dv).
Proof.
move=> hu hv hu' hv'.
have ru : 0 <= norm (u + du) / norm u by rewrite divr_ge0 ?norm_ge0.
have rv : 0 <= norm (v + dv) / norm v by rewrite divr_ge0 ?norm_ge0.
have h1 := one_vector ru (hat1 hu) (hat1 hu') (hat1 hv).
have h2 := one_vector rv (hat1 hv) (hat1 hv') (hat1 hu).
have d1 := unit_dist ru (hat1 hu) (hat1 hu').
have d2 := unit_dist rv (hat1 hv) (hat1 hv').
rewrite !hat_step // !rho_sqE in h1 h2 d1 d2.
have c := cauchy_norm (hat (u + du) - hat u) (hat (v + dv) - hat v).
have c2 := sqr_ge0 (norm (hat (u + du) - hat u) - norm (hat (v + dv) - hat v)).
have c3 : `|dot (hat (u + du) - hat u) (hat (v + dv) - hat v)| <= 2 * (rho_sq u du + rho_sq v dv).
  by apply: (le_trans c); rewrite sqrrB !norm_sq in c2; rewrite mulr2n in c2; clear -d1 d2 c2; lra.
rewrite (dotC (hat v) (hat u)) -(sim_hat u v) in h2; rewrite -(sim_hat u v) in h1.
have e : sim (u + du) (v + dv) - sim u v - delta u v du dv =
  (dot (hat (u + du)) (hat v) - sim u v - dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du))
  + (dot (hat (v + dv)) (hat u) - sim u v - dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv))
  + dot (hat (u + du) - hat u) (hat (v + dv) - hat v).
  have -> : delta u v du dv = dot (hat v - sim u v *: hat u) ((norm u)^-1 *: du)
     + dot (hat u - sim u v *: hat v) ((norm v)^-1 *: dv).
    rewrite /delta ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) /hat ?(dotZl, dotZr) (dotC v du).
    by field; rewrite !gt_eqF ?norm_gt0.
  rewrite !sim_hat; move: (hat (u + du)) (hat (v + dv)) => q z.
  rewrite ?(dotDl, dotDr, dotNl, dotNr) (dotC z (hat u)); ring.
rewrite e; apply: (le_trans (ler_normD _ _)); apply: (le_trans (lerD (ler_normD _ _) (lexx _))); clear -c3 h2 h1; lra.
Qed.
End Cosine.
End Cosine.

(* What small changes do to a cosine, and what a bound up to O(e^2) says about its first-order term. *)
Module FirstOrder.
Import Norms Cosine.
Section FirstOrder.
Variable R : rcfType.

Lemma moved n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 -> u + du != 0 -> v + dv != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + (3 + `|sim u v|) * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv hu' hv' he ha hb hdu hdv.
have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have ru : 0 <= norm du / norm u <= e * a by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have rv : 0 <= norm dv / norm v <= e * b by rewrite divr_ge0 ?norm_ge0 //= ler_pdivrMr.
have h1 := delta_sharp du dv hu hv; have h2 := remainder hu hv hu' hv'.
have -> : sim (u + du) (v + dv) - sim u v = delta u v du dv + (sim (u + du) (v + dv) - sim u v - delta u v du dv) by ring.
apply: (le_trans (ler_normD _ _)); apply: lerD.
  apply: (le_trans h1); rewrite -mulrA ler_wpM2l ?sine_ge0 //; clear -ru rv; lra.
apply: (le_trans h2); rewrite /rho_sq -mulrA; apply: ler_wpM2l; first by rewrite addr_ge0 ?normr_ge0 //; clear; lra.
move: ru rv => /andP[r1 r2] /andP[r3 r4].
have k1 : (norm du / norm u) ^+ 2 <= (e * a) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
have k2 : (norm dv / norm v) ^+ 2 <= (e * b) ^+ 2 by rewrite ler_pXn2r ?nnegrE.
rewrite !exprMn in k1 k2 *; clear -k1 k2; lra.
Qed.

Lemma stays n (u du : 'rV[R]_n) (t : R) : u != 0 -> norm du <= t * norm u -> t < 1 -> u + du != 0.
Proof.
move=> hu h ht; have pu := norm_gt0 hu; apply/eqP => k.
have {}k : du = - u by apply/eqP; rewrite -addr_eq0 addrC k.
by rewrite k normN in h; clear -h ht pu; nra.
Qed.

Lemma moved_small n (u v du dv : 'rV[R]_n) (e a b : R) : u != 0 -> v != 0 ->
  0 <= e -> 0 <= a -> 0 <= b -> norm du <= e * a * norm u -> norm dv <= e * b * norm v -> e * (a + b) <= 1 / 2 ->
  `|sim (u + du) (v + dv) - sim u v| <= sine u v * (a + b) * e + 4 * (a ^+ 2 + b ^+ 2) * e ^+ 2.
Proof.
move=> hu hv he ha hb hdu hdv hab.
have ea : 0 <= e * a by rewrite mulr_ge0. have eb : 0 <= e * b by rewrite mulr_ge0.
have hu' : u + du != 0 by apply: (stays hu hdu); clear -hab eb; lra.
have hv' : v + dv != 0 by apply: (stays hv hdv); clear -hab ea; lra.
apply: le_trans (moved hu hv hu' hv' he ha hb hdu hdv) _; rewrite lerD2l.
apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?sqr_ge0.
by have := sim_le1 hu hv; clear; lra.
Qed.

Lemma deltaZ n (u v du dv : 'rV[R]_n) e : delta u v (e *: du) (e *: dv) = e * delta u v du dv.
Proof. by rewrite /delta !dotZl !dotZr; ring. Qed.

Lemma expand n (u v du dv : 'rV[R]_n) e : u != 0 -> v != 0 -> 0 < e ->
  e * (norm du / norm u) <= 1 / 2 -> e * (norm dv / norm v) <= 1 / 2 ->
  `|sim (u + e *: du) (v + e *: dv) - sim u v - e * delta u v du dv| <= 4 * (rho_sq u du + rho_sq v dv) * e ^+ 2.
Proof.
move=> hu hv he h1 h2.
have st (x dx : 'rV[R]_n) : x != 0 -> e * (norm dx / norm x) <= 1 / 2 -> x + e *: dx != 0.
  move=> hx h; apply: (@stays _ _ _ (1/2)) => //; last by clear -hx h; lra.
  by rewrite normZ gtr0_norm // -ler_pdivrMr ?norm_gt0 // -mulrA.
have := remainder hu hv (st _ _ hu h1) (st _ _ hv h2).
rewrite deltaZ => h; apply: (le_trans h).
have -> : rho_sq u (e *: du) + rho_sq v (e *: dv) = (rho_sq u du + rho_sq v dv) * e ^+ 2.
  by rewrite /rho_sq !normZ (gtr0_norm he); ring.
rewrite mulrA; apply: ler_wpM2r; first exact: sqr_ge0.
apply: ler_wpM2r; first by rewrite addr_ge0 ?rho_sq_ge0.
by have := sim_le1 hu hv; clear; lra.
Qed.

Lemma small (K e0 t : R) : 0 < e0 -> 0 < t -> exists eps, [/\ 0 < eps, eps <= e0, eps <= t & K * eps <= t].
Proof.
move=> h0 ht; exists (Num.min e0 (t / (1 + `|K|))).
have hK : 0 < 1 + `|K| by rewrite ltr_pwDl.
have hd : 0 < t / (1 + `|K|) by rewrite divr_gt0.
have hp : 0 < Num.min e0 (t / (1 + `|K|)) by rewrite lt_min h0.
have hm : Num.min e0 (t / (1 + `|K|)) <= t / (1 + `|K|) by rewrite ge_min lexx orbT.
have hm' : Num.min e0 (t / (1 + `|K|)) * (1 + `|K|) <= t by rewrite -ler_pdivlMr.
have hn := ler_norm K; have hn0 := normr_ge0 K.
split=> //; first by rewrite ge_min lexx.
  by apply: le_trans hm' ; rewrite ler_peMr ?(ltW hp) //; clear -hn0; lra.
by apply: le_trans hm'; rewrite mulrC ler_wpM2l ?(ltW hp) //; clear -hn; lra.
Qed.

(* a bound b e + K e^2 on the distance of two cosines, for some K, bounds the difference of their first-order terms by b *)
Theorem criterion n n' (u v du dv : 'rV[R]_n) (u' v' du' dv' : 'rV[R]_n') (b K e0 : R) :
  u != 0 -> v != 0 -> u' != 0 -> v' != 0 -> sim u v = sim u' v' -> 0 < e0 ->
  (forall e, 0 < e <= e0 ->
    `|sim (u + e *: du) (v + e *: dv) - sim (u' + e *: du') (v' + e *: dv')| <= b * e + K * e ^+ 2) ->
  `|delta u v du dv - delta u' v' du' dv'| <= b.
Proof.
move=> hu hv hu' hv' hs h0 H; rewrite leNgt; apply/negP => hlt.
set D := `|_| in hlt; pose t := (D - b) / 2.
pose r m (x y : 'rV[R]_m) := norm y / norm x.
have r0 m (x y : 'rV[R]_m) : 0 <= r m x y by rewrite /r divr_ge0 ?norm_ge0.
pose S := 1 + r _ u du + r _ v dv + r _ u' du' + r _ v' dv'.
pose C := K + 4 * (rho_sq u du + rho_sq v dv) + 4 * (rho_sq u' du' + rho_sq v' dv').
have hS : 0 < 2 * S by rewrite /S; have := r0 _ u du; have := r0 _ v dv; have := r0 _ u' du'; have := r0 _ v' dv'; clear; lra.
have he1 : 0 < Num.min e0 (1 / (2 * S)) by rewrite lt_min h0 divr_gt0.
have ht : 0 < t by rewrite /t; clear -hlt; lra.
have [e [e_gt e_le _ hC]] := small C he1 ht.
move: e_le; rewrite le_min => /andP[e_e0]; rewrite ler_pdivlMr // => e_S.
have p m (x y : 'rV[R]_m) : 0 <= e * r m x y by rewrite mulr_ge0 // ltW.
have p1 := p _ u du; have p2 := p _ v dv; have p3 := p _ u' du'; have p4 := p _ v' dv'.
have q1 : e * r _ u du <= 1 / 2 by rewrite /S in e_S; clear -e_gt e_S p2 p3 p4; lra.
have q2 : e * r _ v dv <= 1 / 2 by rewrite /S in e_S; clear -e_gt e_S p1 p3 p4; lra.
have q3 : e * r _ u' du' <= 1 / 2 by rewrite /S in e_S; clear -e_gt e_S p1 p2 p4; lra.
have q4 : e * r _ v' dv' <= 1 / 2 by rewrite /S in e_S; clear -e_gt e_S p1 p2 p3; lra.
have x1 := expand hu hv e_gt q1 q2; have x2 := expand hu' hv' e_gt q3 q4.
have he : 0 < e <= e0 by rewrite e_gt.
have := H e he; rewrite hs in x1; rewrite !ler_norml in x1 x2 *.
move: x1 x2 => /andP[a1 a2] /andP[a3 a4] /andP[a5 a6].
have : e * D <= (b + t) * e.
  rewrite /D -[e in X in X <= _](gtr0_norm e_gt) -normrM ler_norml.
  have hCe : C * e * e <= t * e by rewrite ler_wpM2r // ltW.
  by rewrite /C in hCe; clear -a1 a2 a3 a4 a5 a6 hCe; lra.
by rewrite mulrC ler_pM2r // /t; clear -hlt; lra.
Qed.
End FirstOrder.
End FirstOrder.

(* Where the bounds on the cosine are attained. *)
Module Attained.
Import Norms Cosine.
Section Attained.
Variable R : rcfType.

(* attained: du along v^ - s u^ and dv along u^ - s v^ *)
Definition steepest n (u v : 'rV[R]_n) := norm u *: (hat v - sim u v *: hat u).
Lemma steepest_norm n (u v : 'rV[R]_n) : u != 0 -> v != 0 -> norm (steepest u v) = norm u * sine u v.
Proof.
move=> hu hv; rewrite /steepest normZ ger0_norm ?norm_ge0 //; congr (_ * _).
rewrite /sine [norm _]/norm; congr Num.sqrt.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; ring.
Qed.
Lemma steepest_dot n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  dot u (steepest u v) = 0 /\ dot v (steepest u v) = norm u * norm v * sine u v ^+ 2.
Proof.
move=> hu hv; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
have eu : u = norm u *: hat u by rewrite /hat scalerA divff ?scale1r // gt_eqF.
have ev : v = norm v *: hat v by rewrite /hat scalerA divff ?scale1r // gt_eqF.
rewrite sine_sq // /steepest {1}eu {3}ev.
move: (hat u) (hat v) (hat1 hu) (hat1 hv) (sim_hat u v) => p q hp hq ->.
rewrite ?(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC q p) hp hq; split; ring.
Qed.
Theorem delta_attained n (u v : 'rV[R]_n) : u != 0 -> v != 0 ->
  let du := steepest u v in let dv := steepest v u in
  delta u v du dv = sine u v * (norm du / norm u + norm dv / norm v).
Proof.
move=> hu hv /=; have pu := norm_gt0 hu; have pv := norm_gt0 hv.
rewrite !steepest_norm // (sineC u v).
have -> : sine u v * (norm u * sine u v / norm u + norm v * sine u v / norm v) = 2 * sine u v ^+ 2.
  by field; rewrite !gt_eqF.
have [a b] := steepest_dot hu hv; have [c d] := steepest_dot hv hu; rewrite sineC in d.
by rewrite /delta a c (dotC _ v) b d; field; rewrite !gt_eqF.
Qed.
End Attained.
End Attained.

(* Lemma 1's remainder for every s: R <= c (1 + c) (a^2 + b^2) with c = sqrt ((1 - s) / 2), and the least such constant. *)
Module Remainder.
Import Norms.
Section Remainder.
Variable R : rcfType.

(* unit vectors: the determinant of Gram's matrix of three is not negative *)
Lemma gram3 n (e x y : 'rV[R]_n) : dot e e = 1 -> dot x x = 1 -> dot y y = 1 ->
  (dot x y - dot x e * dot e y) ^+ 2 <= (1 - dot x e ^+ 2) * (1 - dot e y ^+ 2).
Proof.
move=> ee xx yy; have := cauchy (x - dot x e *: e) (y - dot e y *: e).
rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) ee xx yy (dotC y e) (dotC e x) => h.
by apply: le_trans (le_trans _ h) _; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

Lemma root1 (a : R) : `|a| <= 1 -> exists A, 0 <= A /\ A ^+ 2 = 1 - a ^+ 2.
Proof.
move=> ha; exists (Num.sqrt (1 - a ^+ 2)); split; first exact: sqrtr_ge0.
by rewrite sqr_sqrtr // subr_ge0 -real_normK ?num_real // expr_le1.
Qed.
Lemma below (x y : R) : 0 <= y -> x ^+ 2 <= y ^+ 2 -> x <= y.
Proof. by move=> hy h; rewrite leNgt; apply/negP => hxy; nra. Qed.

(* four unit vectors x, e, y, f with <e, f> = -c; a = <x, e>, b = <y, f>, h = <e, y>, z = <x, y> *)
Lemma four (a b c h z : R) : 0 <= c <= 1 -> `|a| <= 1 -> `|b| <= 1 -> `|h| <= 1 -> 0 < a -> 0 < b -> 1 <= a ^+ 2 + b ^+ 2 ->
  (z - a * h) ^+ 2 <= (1 - a ^+ 2) * (1 - h ^+ 2) -> (h + c * b) ^+ 2 <= (1 - c ^+ 2) * (1 - b ^+ 2) ->
  2 * c * (a ^+ 2 + b ^+ 2 - 1) <= 1 - z.
Proof.
move=> /andP[c0 c1] /root1[A [A0 hA]] /root1[B [B0 hB]] /root1[H [H0 hH]] a0 b0 hab.
have [C [C0 hC]] : exists C, 0 <= C /\ C ^+ 2 = 1 - c ^+ 2 by apply: root1; rewrite ger0_norm.
rewrite -hA -hH -hC -hB -!exprMn => hz hh.
have {}hz : z <= a * h + A * H by have := below (mulr_ge0 A0 H0) hz; clear; lra.
pose g := C * B - c * b; pose G := C * b + c * B.
have {}hh : h <= g by have := below (mulr_ge0 C0 B0) hh; rewrite /g; clear; lra.
have gG : g ^+ 2 + G ^+ 2 = 1.
  have -> : g ^+ 2 + G ^+ 2 = (C ^+ 2 + c ^+ 2) * (B ^+ 2 + b ^+ 2) by rewrite /g /G; ring.
  by rewrite hC hB; ring.
have G0 : 0 <= G by rewrite /G addr_ge0 // mulr_ge0 // ltW.
have Ba : B <= a by apply: below; [exact: ltW|clear -hab hB; lra].
have C1 : C <= 1 by apply: below => //; clear -hC; nra.
have ga : g <= a.
  have : C * B <= B by rewrite ler_piMl.
  have : 0 <= c * b by rewrite mulr_ge0 // ltW.
  rewrite /g; clear -Ba; lra.
have turn k K : 0 <= K -> k ^+ 2 + K ^+ 2 = 1 -> k <= a -> A * k <= a * K.
  move=> K0 kK ka; have [k0|k0] := lerP k 0.
    apply: (@le_trans _ _ 0); first by rewrite mulr_ge0_le0.
    by rewrite mulr_ge0 // ltW.
  have AK : A <= K by apply: below => //; clear -ka kK hA k0; nra.
  apply: (@le_trans _ _ (A * a)); first by rewrite ler_wpM2l.
  by rewrite mulrC ler_wpM2l // ltW.
have hH1 : h ^+ 2 + H ^+ 2 = 1 by rewrite hH; ring.
have ha : h <= a by apply: le_trans ga.
have t1 := turn _ _ H0 hH1 ha; have t2 := turn _ _ G0 gG ga.
have step : a * h + A * H <= a * g + A * G.
  have [HG|GH] := lerP H G.
    by rewrite lerD // ler_wpM2l // ltW.
  have pos : 0 < H + G by clear -GH G0; lra.
  have e : (g - h) * (g + h) = (H - G) * (H + G) by have := hH1; have := gG; clear; nra.
  suff : A * (H - G) * (H + G) <= a * (g - h) * (H + G) by rewrite ler_pM2r //; rewrite !mulrBr; clear; lra.
  have -> : A * (H - G) * (H + G) = (g - h) * (A * (g + h)) by rewrite -mulrA -e; ring.
  have -> : a * (g - h) * (H + G) = (g - h) * (a * (H + G)) by ring.
  apply: ler_wpM2l; first by rewrite subr_ge0.
  by rewrite [A * _]mulrDr [a * _]mulrDr [A * g + _]addrC; apply: lerD.
pose cs := a * b - A * B; pose sn := a * B + A * b.
have one : cs ^+ 2 + sn ^+ 2 = 1.
  have -> : cs ^+ 2 + sn ^+ 2 = (A ^+ 2 + a ^+ 2) * (B ^+ 2 + b ^+ 2) by rewrite /cs /sn; ring.
  by rewrite hA hB; ring.
have zz : z <= C * sn - c * cs.
  apply: le_trans hz (le_trans step _); rewrite /g /G /cs /sn le_eqVlt; apply/orP; left; apply/eqP; ring.
have Ab : A <= b by apply: below; [exact: ltW|clear -hab hA; lra].
have cs0 : 0 <= cs by rewrite subr_ge0 mulrC; apply: ler_pM => //.
have small : a ^+ 2 + b ^+ 2 - 1 <= cs.
  have -> : a ^+ 2 + b ^+ 2 - 1 = cs * (a * b + A * B).
    have -> : cs * (a * b + A * B) = a ^+ 2 * b ^+ 2 - A ^+ 2 * B ^+ 2 by rewrite /cs; ring.
    by rewrite hA hB; ring.
  rewrite ler_piMr //; have := sqr_ge0 (a - b); have := sqr_ge0 (A - B); clear -hB hA; nra.
have := sqr_ge0 (c - cs); have := sqr_ge0 (C - sn).
have : c * (a ^+ 2 + b ^+ 2 - 1) <= c * cs by rewrite ler_wpM2l.
clear -zz one hC; nra.
Qed.

(* what is lost where the lengths r and t of u + du and v + dv are left free *)
Lemma length (K N c r w : R) : 0 < K -> 0 <= N -> 0 <= r -> 0 <= c -> N ^+ 2 = 8 * c * K ->
  0 <= K * r ^+ 2 - r * (N * w) + 2 * c * (Num.max w 0) ^+ 2.
Proof.
move=> K0 N0 r0 c0 hN; have [w0|w0] := lerP w 0.
  rewrite expr0n mulr0 addr0 subr_ge0; apply: (@le_trans _ _ 0); last by rewrite mulr_ge0 ?sqr_ge0 // ltW.
  by rewrite mulr_ge0_le0 // mulr_ge0_le0.
rewrite -(pmulr_rge0 _ K0); apply: le_trans (sqr_ge0 (K * r - N * w / 2)) _.
rewrite le_eqVlt; apply/orP; left; apply/eqP.
have -> : (K * r - N * w / 2) ^+ 2 = K ^+ 2 * r ^+ 2 - K * r * N * w + N ^+ 2 * w ^+ 2 / 4 by field.
by rewrite hN; field.
Qed.

Lemma unit n (x : 'rV[R]_n) : x != 0 -> exists r y, [/\ 0 < r, dot y y = 1 & x = r *: y].
Proof.
move=> hx; have p := norm_gt0 hx; exists (norm x), ((norm x)^-1 *: x); split=> //.
  by rewrite dotZl dotZr -norm_sq mulrA -expr2 -exprMn mulVf ?expr1n // gt_eqF.
by rewrite scalerA mulfV ?scale1r // gt_eqF.
Qed.
Lemma cos_le1 n (x y : 'rV[R]_n) : dot x x = 1 -> dot y y = 1 -> `|dot x y| <= 1.
Proof. by move=> hx hy; have := cauchy_norm x y; rewrite /norm hx hy sqrtr1 mulr1. Qed.
Lemma simZ n (x y : 'rV[R]_n) a b : 0 < a -> 0 < b -> sim (a *: x) (b *: y) = sim x y.
Proof.
move=> a0 b0; rewrite /sim dotZl dotZr !normZ !gtr0_norm // mulrACA mulrA.
rewrite invfM mulrACA [a * b]mulrC; by rewrite mulfV ?mul1r // mulf_neq0 // gt_eqF.
Qed.

Definition half (s : R) := Num.sqrt ((1 - s) / 2).
Definition least (s : R) := half s * (1 + half s).

Lemma half_ge0 s : 0 <= half s. Proof. exact: sqrtr_ge0. Qed.
Lemma halfE s : s <= 1 -> s = 1 - 2 * half s ^+ 2.
Proof. by move=> h; rewrite sqr_sqrtr; [field|rewrite divr_ge0 // subr_ge0]. Qed.

Lemma unit_remainder n (u v p q : 'rV[R]_n) : dot u u = 1 -> dot v v = 1 -> p != 0 -> q != 0 ->
  sim p q - dot u v - (dot p (v - dot u v *: u) + dot q (u - dot u v *: v))
  <= least (dot u v) * (dot (p - u) (p - u) + dot (q - v) (q - v)).
Proof.
move=> uu vv /unit[r [x [r0 xx ->]]] /unit[t [y [t0 yy ->]]]; rewrite simZ //.
have -> : sim x y = dot x y by rewrite /sim /norm xx yy sqrtr1 mulr1 divr1.
have := cos_le1 uu vv; rewrite ler_norml => /andP[s1 s2].
have sE := halfE s2; have c0 := half_ge0 (dot u v).
rewrite /least; move: (half (dot u v)) sE c0 => c sE c0.
have c1 : c <= 1 by apply: below => //; clear -sE s1; nra.
pose E := (1 + 2 * c) *: u - v; pose F := (1 + 2 * c) *: v - u.
pose K := c * (1 + c).
have -> : K * (dot (r *: x - u) (r *: x - u) + dot (t *: y - v) (t *: y - v)) =
   dot x y - dot u v - (dot (r *: x) (v - dot u v *: u) + dot (t *: y) (u - dot u v *: v))
   + ((K * r ^+ 2 - r * dot x E) + (K * t ^+ 2 - t * dot y F) + 1 + 2 * c - dot x y).
  rewrite /E /F /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) xx yy uu vv (dotC u x) (dotC v y) sE; ring.
rewrite lerDl.
have EE : dot E E = 8 * c * K.
  by rewrite /E /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE; ring.
have FF : dot F F = 8 * c * K.
  by rewrite /F /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE; ring.
have EF : dot E F = - c * (8 * c * K).
  by rewrite /E /F /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE; ring.
have := cos_le1 xx yy; rewrite ler_norml => /andP[_ z1].
have [cz|cp] := eqVneq c 0.
  have E0 : E = 0 by apply: dot_eq0; rewrite EE cz mulr0 mul0r.
  have F0 : F = 0 by apply: dot_eq0; rewrite FF cz mulr0 mul0r.
  by rewrite E0 F0 ![dot _ 0]dotC !dot0l /K cz; clear -z1; lra.
have {cp} c_pos : 0 < c by rewrite lt_def cp.
have K0 : 0 < K by rewrite /K mulr_gt0 //; clear -c_pos; lra.
pose N := Num.sqrt (8 * c * K).
have N0 : 0 < N by rewrite sqrtr_gt0; clear -c_pos K0; nra.
have NN : N ^+ 2 = 8 * c * K by rewrite sqr_sqrtr //; clear -c_pos K0; nra.
pose e := N^-1 *: E; pose f := N^-1 *: F.
have Nn : N != 0 by rewrite gt_eqF.
have ee : dot e e = 1 by rewrite dotZl dotZr EE -NN; field.
have ff : dot f f = 1 by rewrite dotZl dotZr FF -NN; field.
have ef : dot e f = - c by rewrite dotZl dotZr EF -NN; field.
have xE : dot x E = N * dot x e by rewrite dotZr; field.
have yF : dot y F = N * dot y f by rewrite dotZr; field.
rewrite xE yF.
have lx := length (dot x e) K0 (ltW N0) (ltW r0) c0 NN.
have ly := length (dot y f) K0 (ltW N0) (ltW t0) c0 NN.
have wx := cos_le1 xx ee; have wy := cos_le1 yy ff.
suff : 2 * c * (Num.max (dot x e) 0 ^+ 2 + Num.max (dot y f) 0 ^+ 2 - 1) <= 1 - dot x y.
  move: lx ly; move: (Num.max (dot x e) 0 ^+ 2) (Num.max (dot y f) 0 ^+ 2) => a b; clear -a b; lra.
have sq (w : R) : `|w| <= 1 -> 0 <= Num.max w 0 ^+ 2 <= 1.
  move=> hw; rewrite sqr_ge0 /=; have [|w0] := lerP w 0; first by rewrite expr0n.
  by rewrite -real_normK ?num_real // expr_le1.
have easy : Num.max (dot x e) 0 ^+ 2 + Num.max (dot y f) 0 ^+ 2 <= 1 ->
  2 * c * (Num.max (dot x e) 0 ^+ 2 + Num.max (dot y f) 0 ^+ 2 - 1) <= 1 - dot x y.
  move=> small; apply: (@le_trans _ _ 0); last by clear -z1 small; lra.
  by apply: mulr_ge0_le0; [apply: mulr_ge0|rewrite subr_le0].
have [_ mx] := andP (sq _ wx); have [_ my] := andP (sq _ wy).
move: easy mx my; have [x0|x0] := lerP (dot x e) 0 => easy mx my.
  by apply: easy; rewrite expr0n add0r.
move: easy mx my; have [y0|y0] := lerP (dot y f) 0 => easy mx my.
  by apply: easy; rewrite expr0n addr0.
have [small|big] := lerP (dot x e ^+ 2 + dot y f ^+ 2) 1; first exact: easy.
apply: (@four _ _ c (dot e y)) => //; first by rewrite c0.
- exact: cos_le1.
- exact: ltW.
- by have := gram3 ee xx yy.
have := gram3 ff ee yy; rewrite ef (dotC f y) => h.
apply: le_trans (le_trans _ h) _; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

(* the constant is the least: q turns onto F / (2 K), p is nearly annihilated *)
Lemma unit_sharp n (u v : 'rV[R]_n) k : dot u u = 1 -> dot v v = 1 -> dot u v < 1 -> k < least (dot u v) ->
  exists p q, [/\ p != 0, q != 0 & k * (dot (p - u) (p - u) + dot (q - v) (q - v))
    < sim p q - dot u v - (dot p (v - dot u v *: u) + dot q (u - dot u v *: v))].
Proof.
move=> uu vv s1; have sE := halfE (ltW s1); have c0 := half_ge0 (dot u v).
have c_pos : 0 < half (dot u v) by rewrite sqrtr_gt0 divr_gt0 // subr_gt0.
have := cos_le1 uu vv; rewrite ler_norml => /andP[s2 _].
rewrite /least; move: (half (dot u v)) sE c0 c_pos => c sE c0 c_pos.
have c1 : c <= 1 by apply: below => //; clear -sE s2; nra.
pose F := (1 + 2 * c) *: v - u; pose K := c * (1 + c); rewrite -/K => kK.
have K0 : 0 < K by rewrite /K mulr_gt0 //; clear -c_pos; lra.
have K2 : K <= 2 by rewrite /K; clear -s2 sE; nra.
have FF : dot F F = 8 * c * K.
  by rewrite /F /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE; ring.
have FF0 : 0 < dot F F by rewrite FF; apply: mulr_gt0 => //; clear -c_pos; lra.
have F0 : F != 0 by apply: contraTneq FF0 => ->; rewrite dot0l ltxx.
pose eta := Num.min (1 / 16) ((K - k) / 200).
have eta0 : 0 < eta by rewrite lt_min; apply/andP; split; [lra|apply: divr_gt0; lra].
have eta1 : eta <= 1 / 16 by rewrite ge_min lexx.
have eta2 : eta <= (K - k) / 200 by rewrite ge_min lexx orbT.
have Kn : 2 * K != 0 by rewrite gt_eqF //; lra.
exists (eta *: F), ((2 * K)^-1 *: F); split.
- by rewrite scaler_eq0 negb_or gt_eqF.
- by rewrite scaler_eq0 negb_or invr_eq0 Kn.
rewrite simZ //; last by rewrite invr_gt0; lra.
have -> : sim F F = 1 by rewrite /sim -expr2 norm_sq divff // gt_eqF.
set lhs := _ + _; set rhs := (X in _ < X).
have identity : rhs = K * lhs - 8 * c * K * eta * (K * eta + c).
  rewrite /rhs /lhs /F !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE /K; field.
  by apply/andP; split; rewrite gt_eqF //; clear -c_pos; lra.
have large : 1 / 4 <= lhs.
  rewrite /lhs -[1 / 4]addr0; apply: lerD (dot_ge0 _).
  have -> G : dot (eta *: G - u) (eta *: G - u) = eta * (eta * dot G G) - 2 * (eta * dot G u) + 1.
    by rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu (dotC u G); ring.
  rewrite FF.
  have Fu : dot F u <= 4 by rewrite /F dotDl dotNl dotZl (dotC v u) uu; nra.
  have : eta * dot F u <= eta * 4 by rewrite ler_pM2l.
  have pos : 0 <= eta * (eta * (8 * c * K)) by rewrite -FF !mulr_ge0 // ?dot_ge0 // ltW.
  lra.
have cK : c * K <= 1 * 2 by apply: ler_pM => //; exact: ltW.
have step1 : 8 * c * K * eta <= 16 * eta by rewrite ler_pM2r // -mulrA; clear -cK; lra.
have step2 : 0 < K * eta + c <= 5 / 4.
  have : K * eta <= 2 * (1 / 16) by apply: ler_pM => //; exact: ltW.
  have : 0 < K * eta by apply: mulr_gt0.
  by move=> *; apply/andP; split; lra.
have gap : 8 * c * K * eta * (K * eta + c) <= 16 * eta * (5 / 4).
  have /andP[pos up] := step2; apply: ler_pM => //; last exact: ltW.
  by apply: mulr_ge0; [rewrite -FF dot_ge0|exact: ltW].
have : (K - k) * (1 / 4) <= (K - k) * lhs by rewrite ler_pM2l ?subr_gt0.
rewrite identity; clear -eta0 eta2 identity large cK step1 gap; lra.
Qed.

(* any lengths *)
Definition delta n (u v du dv : 'rV[R]_n) : R :=
  (dot du v + dot u dv) / (norm u * norm v)
  - (dot u v / (norm u ^+ 3 * norm v) * dot u du + dot u v / (norm u * norm v ^+ 3) * dot v dv).

Lemma scaled n (U V P Q : 'rV[R]_n) a b : 0 < a -> 0 < b -> dot U U = 1 -> dot V V = 1 ->
  delta (a *: U) (b *: V) (a *: P - a *: U) (b *: Q - b *: V)
  = dot P (V - dot U V *: U) + dot Q (U - dot U V *: V).
Proof.
move=> a0 b0 uu vv; have nu : norm U = 1 by rewrite /norm uu sqrtr1.
have nv : norm V = 1 by rewrite /norm vv sqrtr1.
rewrite /delta !normZ !gtr0_norm // nu nv !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC U P) (dotC U Q) (dotC V Q).
by field; rewrite !gt_eqF.
Qed.
Lemma share n (U P : 'rV[R]_n) a : 0 < a -> dot U U = 1 ->
  (norm (a *: P - a *: U) / norm (a *: U)) ^+ 2 = dot (P - U) (P - U).
Proof.
move=> a0 uu; rewrite -scalerBr !normZ gtr0_norm // [norm U]/norm uu sqrtr1 mulr1 mulrC mulKf ?gt_eqF //.
exact: norm_sq.
Qed.

Theorem remainder_le n (u v du dv : 'rV[R]_n) : u + du != 0 -> v + dv != 0 -> u != 0 -> v != 0 ->
  sim (u + du) (v + dv) - sim u v - delta u v du dv
  <= least (sim u v) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2).
Proof.
move=> hp hq /unit[a [U [a0 uu eu]]] /unit[b [V [b0 vv ev]]].
have [P eP] : exists P, u + du = a *: P by exists (a^-1 *: (u + du)); rewrite scalerA mulfV ?scale1r // gt_eqF.
have [Q eQ] : exists Q, v + dv = b *: Q by exists (b^-1 *: (v + dv)); rewrite scalerA mulfV ?scale1r // gt_eqF.
have P0 : P != 0 by apply: contraNneq hp => h; rewrite eP h scaler0.
have Q0 : Q != 0 by apply: contraNneq hq => h; rewrite eQ h scaler0.
have -> : du = a *: P - a *: U by rewrite -eP eu [X in X - _]addrC addrK.
have -> : dv = b *: Q - b *: V by rewrite -eQ ev [X in X - _]addrC addrK.
rewrite eu ev ![_ + (_ - _)]addrC !subrK scaled // !share // !simZ //.
have -> : sim U V = dot U V by rewrite /sim /norm uu vv sqrtr1 mulr1 divr1.
exact: unit_remainder.
Qed.

Lemma simNr n (u v : 'rV[R]_n) : sim u (- v) = - sim u v.
Proof. by rewrite /sim dotNr normN mulNr. Qed.
Lemma deltaN n (u v du dv : 'rV[R]_n) : delta u (- v) du (- dv) = - delta u v du dv.
Proof. rewrite /delta !dotNr dotNl !normN !opprK; ring. Qed.

Theorem remainder_ge n (u v du dv : 'rV[R]_n) : u + du != 0 -> v + dv != 0 -> u != 0 -> v != 0 ->
  - (least (- sim u v) * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2))
  <= sim (u + du) (v + dv) - sim u v - delta u v du dv.
Proof.
move=> hp hq hu hv; have := @remainder_le n u (- v) du (- dv); rewrite -opprD !simNr deltaN !normN !oppr_eq0.
move=> /(_ hp hq hu hv); lra.
Qed.

Theorem remainder_sharp (s k : R) : -1 <= s < 1 -> k < least s -> exists u v du dv : 'rV[R]_2,
  [/\ [/\ u + du != 0, v + dv != 0, u != 0 & v != 0], sim u v = s
    & k * ((norm du / norm u) ^+ 2 + (norm dv / norm v) ^+ 2) < sim (u + du) (v + dv) - sim u v - delta u v du dv].
Proof.
move=> /andP[s1 s2] hk; pose u : 'rV[R]_2 := \row_j (j == 0)%:R.
pose v : 'rV[R]_2 := \row_j if j == 0 then s else Num.sqrt (1 - s ^+ 2).
have uu : dot u u = 1 by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have uv : dot u v = s by rewrite /dot !big_ord_recl big_ord0 !mxE /=; ring.
have vv : dot v v = 1.
  rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0 -!expr2 sqr_sqrtr; [ring|clear -s2 s1; nra].
have nz (w : 'rV[R]_2) : dot w w = 1 -> w != 0.
  by move=> h; apply/eqP => z; move: h; rewrite z dot0l => /eqP; rewrite eq_sym oner_eq0.
have sv : sim u v = s by rewrite /sim /norm uu vv sqrtr1 mulr1 divr1.
have [] := @unit_sharp _ u v k uu vv; rewrite ?uv // => p [q [p0 q0 h]].
exists u, v, (p - u), (q - v); rewrite ![_ + (_ - _)]addrC !subrK sv; split=> //; first by rewrite p0 q0 !nz.
have := @scaled _ u v p q 1 1 ltr01 ltr01 uu vv; rewrite !scale1r uv => ->.
have := @share _ u p 1 ltr01 uu; have := @share _ v q 1 ltr01 vv; rewrite !scale1r => -> ->.
exact: h.
Qed.
End Remainder.
End Remainder.

(* Lemma 2: the second-order term of the cosine, and the norm of its Hessian. *)
Module SecondOrder.
Import Norms Cosine.
Section SecondOrder.
Variable R : rcfType.

(* f = O(t^k) near 0 *)
Definition O k (f : R -> R) := exists K e0 : R, 0 <= K /\ 0 < e0 <= 1 /\ forall t, `|t| <= e0 -> `|f t| <= K * `|t| ^+ k.

Lemma O_ext k f g : (forall t, f t = g t) -> O k f -> O k g.
Proof. by move=> e [K [e0 [hK [h0 h]]]]; exists K, e0; split=> //; split=> // t ht; rewrite -e; exact: h. Qed.
Lemma O_both k l f g : O k f -> O l g -> exists K L e0 : R, 0 <= K /\ 0 <= L /\ 0 < e0 <= 1 /\
  forall t, `|t| <= e0 -> `|f t| <= K * `|t| ^+ k /\ `|g t| <= L * `|t| ^+ l.
Proof.
move=> [K [a [hK [/andP[a0 a1] hf]]]] [L [b [hL [/andP[b0 b1] hg]]]]; exists K, L, (Num.min a b); split=> //; split=> //.
split=> [|t]; first by rewrite lt_min a0 b0 /= ge_min a1.
by rewrite le_min => /andP[ta tb]; split; [exact: hf|exact: hg].
Qed.
Lemma O_add k f g : O k f -> O k g -> O k (fun t => f t + g t).
Proof.
move=> hf hg; have [K [L [e0 [hK [hL [h0 h]]]]]] := O_both hf hg; exists (K + L), e0; split; first exact: addr_ge0.
by split=> // t /h [h1 h2]; apply: le_trans (ler_normD _ _) _; rewrite mulrDl lerD.
Qed.
Lemma O_mul k l f g : O k f -> O l g -> O (k + l) (fun t => f t * g t).
Proof.
move=> hf hg; have [K [L [e0 [hK [hL [h0 h]]]]]] := O_both hf hg; exists (K * L), e0; split; first exact: mulr_ge0.
split=> // t /h [h1 h2]; rewrite normrM exprD mulrACA; exact: ler_pM.
Qed.
Lemma O_const a : O 0 (fun=> a).
Proof. by exists `|a|, 1; split=> //; split=> [|t _]; rewrite ?ltr01 ?lexx // expr0 mulr1. Qed.
Lemma O_id k : O k (fun t => t ^+ k).
Proof. by exists 1, 1; split=> //; split=> [|t _]; rewrite ?ltr01 ?lexx // normrX mul1r. Qed.
Lemma O_less k l f : (l <= k)%N -> O k f -> O l f.
Proof.
move=> kl [K [e0 [hK [/andP[h0 h1] h]]]]; exists K, e0; split=> //; split=> [|t ht]; first by rewrite h0.
apply: le_trans (h t ht) _; apply: ler_wpM2l => //.
by apply: ler_wiXn2l => //; exact: le_trans ht h1.
Qed.
Lemma O_cube (h : R -> R) f : O 0 h -> (forall t, f t = t ^+ 3 * h t) -> O 3 f.
Proof. by move=> hh e; apply: (O_ext (f := fun t => t ^+ 3 * h t)) => [t|]; rewrite ?e //; exact: (O_mul (O_id 3) hh). Qed.

(* what is O(t^3) has no terms below t^3 *)
Lemma O_unique l q : O 3 (fun t => t * l + t ^+ 2 * q) -> q = 0.
Proof.
move=> [K [e0 [hK [/andP[h0 h1] h]]]].
have even t : 0 < t -> t <= e0 -> `|q| <= K * t.
  move=> t0 te; have tn : `|t| = t by rewrite gtr0_norm.
  have := h t; have := h (- t); rewrite normrN tn => /(_ te) a /(_ te) b.
  have s : `|(t * l + t ^+ 2 * q) + (- t * l + (- t) ^+ 2 * q)| <= K * t ^+ 3 + K * t ^+ 3.
    by apply: le_trans (ler_normD _ _) _; exact: lerD.
  move: s; have -> : t * l + t ^+ 2 * q + (- t * l + (- t) ^+ 2 * q) = t ^+ 2 * (2 * q) by ring.
  have -> : K * t ^+ 3 + K * t ^+ 3 = t ^+ 2 * (2 * (K * t)) by ring.
  by rewrite normrM (gtr0_norm (exprn_gt0 2 t0)) ler_pM2l ?exprn_gt0 // normrM gtr0_norm // ler_pM2l.
apply/eqP; rewrite -normr_le0 leNgt; apply/negP => q0.
pose t := Num.min e0 (`|q| / (2 * (K + 1))).
have p : 0 < 2 * (K + 1) by clear -hK; lra.
have t0 : 0 < t by rewrite lt_min h0 divr_gt0.
have te : t <= e0 by rewrite ge_min lexx.
have tq : t <= `|q| / (2 * (K + 1)) by rewrite ge_min lexx orbT.
rewrite ler_pdivlMr // in tq; have := even t t0 te; clear -p t0 tq; nra.
Qed.

(* 1 / sqrt (1 + y) to second order *)
Lemma root_series (y : R) : `|y| <= 1 / 2 -> `|(Num.sqrt (1 + y))^-1 - (1 - y / 2 + 3 * y ^+ 2 / 8)| <= `|y| ^+ 3.
Proof.
rewrite ler_norml => /andP[y1 y2]; have p : 0 < 1 + y by lra.
set G := 1 - y / 2 + 3 * y ^+ 2 / 8; set r := Num.sqrt (1 + y).
have r0 : 0 < r by rewrite sqrtr_gt0.
have rr : r ^+ 2 = 1 + y by rewrite sqr_sqrtr // ltW.
have r2 : r <= 5 / 4 by rewrite leNgt; apply/negP => h; clear -rr y2 h; nra.
have G0 : 3 / 4 <= G by rewrite /G; clear -r0 rr r2; nra.
have g0 : 0 < r^-1 by rewrite invr_gt0.
have gr : r^-1 * r = 1 by rewrite mulVf // gt_eqF.
have g1 : 4 / 5 <= r^-1 by clear -r2 g0 gr; nra.
have e : (r^-1 - G) * (r^-1 + G) * (1 + y) = - (y ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2)).
  have -> : (r^-1 - G) * (r^-1 + G) = r^-1 ^+ 2 - G ^+ 2 by ring.
  have -> : r^-1 ^+ 2 = (1 + y)^-1 by rewrite -rr exprVn.
  by rewrite /G; field; rewrite gt_eqF.
have k : 0 <= 5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2 <= 39 / 50 by apply/andP; split; nra.
case/andP: k => k0 k1; have q0 : 0 < (r^-1 + G) * (1 + y) by apply: mulr_gt0 => //; lra.
have eq : `|r^-1 - G| * ((r^-1 + G) * (1 + y)) = `|y| ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2).
  rewrite -{1}(gtr0_norm q0) -normrM mulrA e normrN normrM; congr (_ * _); first exact: normrX.
  exact: ger0_norm.
have a0 := normr_ge0 (r^-1 - G); have b0 : 0 <= `|y| ^+ 3 by rewrite exprn_ge0.
have r7 : 7 / 10 <= r by rewrite leNgt; apply/negP => h; nra.
have m : 39 / 50 <= (r^-1 + G) * (1 + y).
  have -> : (r^-1 + G) * (1 + y) = r + G * (1 + y) by rewrite mulrDl -rr expr2 mulrA gr mul1r.
  nra.
have : `|r^-1 - G| * (39 / 50) <= `|r^-1 - G| * ((r^-1 + G) * (1 + y)) by rewrite ler_wpM2l.
rewrite eq => le; have : `|y| ^+ 3 * (5 / 8 - 15 / 64 * y + 9 / 64 * y ^+ 2) <= `|y| ^+ 3 * (39 / 50) by rewrite ler_wpM2l //; clear -le; lra.
clear -le; lra.
Qed.

Lemma O_horner a h : O 0 h -> O 0 (fun t => a + t * h t).
Proof.
move=> hh; apply: O_add; first exact: O_const.
by apply: (O_less (k := 1)) => //; apply: (O_ext (f := fun t => t ^+ 1 * h t)) => //; exact: (O_mul (O_id 1) hh).
Qed.
Definition inverse_root (y : R) := (Num.sqrt (1 + y))^-1.
Definition series a b (t : R) := 1 - a * t + (3 * a ^+ 2 - b) / 2 * t ^+ 2.
Lemma O_series a b : O 3 (fun t => inverse_root (2 * a * t + b * t ^+ 2) - series a b t).
Proof.
pose y t := 2 * a * t + b * t ^+ 2.
have yO : O 1 y.
  apply: (O_ext (f := fun t => t ^+ 1 * (2 * a + t * b))) => [t|]; first by rewrite /y; ring.
  exact: (O_mul (O_id 1) (O_horner _ (O_const b))).
have near : O 3 (fun t => inverse_root (y t) - (1 - y t / 2 + 3 * y t ^+ 2 / 8)).
  case: yO => K [e0 [hK [/andP[h0 h1] h]]]; have p : 0 < 2 * (K + 1) by lra.
  have e1 : 0 < Num.min e0 (2 * (K + 1))^-1 by rewrite lt_min h0 invr_gt0.
  exists (K ^+ 3), (Num.min e0 (2 * (K + 1))^-1); split; first exact: exprn_ge0.
  split=> [|t]; first by rewrite e1 ge_min h1.
  rewrite le_min => /andP[te tk]; have yt := h t te; rewrite expr1 in yt.
  have small : `|y t| <= 1 / 2.
    apply: le_trans yt _; have : `|t| * (2 * (K + 1)) <= 1 by rewrite -ler_pdivlMr // mul1r.
    have := normr_ge0 t; clear; nra.
  apply: le_trans (root_series small) _; rewrite -exprMn.
  by rewrite ler_pXn2r ?nnegrE ?mulr_ge0.
apply: (O_ext (f := fun t => (inverse_root (y t) - (1 - y t / 2 + 3 * y t ^+ 2 / 8))
   + t ^+ 3 * (3 * a * b / 2 + t * (3 * b ^+ 2 / 8)))) => [t|].
  by rewrite /series /y; field.
apply: O_add => //; exact: (O_mul (O_id 3) (O_horner _ (O_const _))).
Qed.

Section Unit.
Variables (n : nat) (u v : 'rV[R]_n).
Hypotheses (uu : dot u u = 1) (vv : dot v v = 1).
Implicit Types du dv : 'rV[R]_n.
Let s := dot u v.
Definition across du dv := dot du v + dot u dv.
Definition along du dv := dot u du + dot v dv.
Definition hessian du dv : R := 2 * dot du dv - 2 * across du dv * along du dv
  + s * (2 * (dot u du * dot v dv) + 3 * dot u du ^+ 2 - dot du du + 3 * dot v dv ^+ 2 - dot dv dv).

Lemma expansion du dv :
  O 3 (fun t => sim (u + t *: du) (v + t *: dv) - s - t * (across du dv - s * along du dv) - t ^+ 2 * (hessian du dv / 2)).
Proof.
set a := dot u du; set b := dot v dv; set A := dot du du; set B := dot dv dv.
set n1 := across du dv; set n2 := dot du dv.
pose N t := s + t * (n1 + t * n2).
pose g1 t := inverse_root (2 * a * t + A * t ^+ 2); pose g2 t := inverse_root (2 * b * t + B * t ^+ 2).
have simE t : sim (u + t *: du) (v + t *: dv) = N t * (g1 t * g2 t).
  rewrite /sim /norm !dotDl !dotDr !dotZl !dotZr uu vv (dotC du u) (dotC dv v) -/a -/b -/A -/B.
  rewrite invfM /g1 /g2 /inverse_root; congr (_ * (_^-1 * _^-1)).
  - by rewrite /N /n1 /across /n2 -/s; ring.
  - by congr Num.sqrt; ring.
  - by congr Num.sqrt; ring.
have d1 := O_series a A; have d2 := O_series b B.
have P1 : O 0 (series a A).
  apply: (O_ext (f := fun t => 1 + t * (- a + t * ((3 * a ^+ 2 - A) / 2)))) => [t|]; first by rewrite /series; ring.
  exact: (O_horner _ (O_horner _ (O_const _))).
have P2 : O 0 (series b B).
  apply: (O_ext (f := fun t => 1 + t * (- b + t * ((3 * b ^+ 2 - B) / 2)))) => [t|]; first by rewrite /series; ring.
  exact: (O_horner _ (O_horner _ (O_const _))).
have G2 : O 0 g2.
  apply: (O_ext (f := fun t => (g2 t - series b B t) + series b B t)) => [t|]; first by ring.
  by apply: O_add => //; apply: (O_less (k := 3)).
have NO : O 0 N by exact: (O_horner _ (O_horner _ (O_const _))).
pose p := (3 * a ^+ 2 - A) / 2; pose r := (3 * b ^+ 2 - B) / 2.
pose k := a * r + b * p; pose m := a * b + p + r.
pose h t := (- s * k + n1 * m - n2 * (a + b)) + t * ((s * (p * r) - n1 * k + n2 * m)
   + t * ((n1 * (p * r) - n2 * k) + t * (n2 * (p * r)))).
have hO : O 0 h by exact: (O_horner _ (O_horner _ (O_horner _ (O_const _)))).
apply: (O_ext (f := fun t => N t * ((g1 t - series a A t) * g2 t + series a A t * (g2 t - series b B t)) + t ^+ 3 * h t)) => [t|].
  by rewrite simE /h /k /m /p /r /N /series /hessian -/a -/b -/A -/B -/n1 -/n2 /along -/a -/b; field.
apply: O_add; last exact: (O_mul (O_id 3) hO).
apply: (O_mul NO (l := 3)); apply: O_add; first exact: (O_mul d1 G2).
exact: (O_mul P1 d2).
Qed.

Lemma second_orderE du dv q : second_order u v du dv q -> q = hessian du dv.
Proof.
move=> [l [K [e0 [h0 h]]]].
have O2 : O 3 (fun t => sim (u + t *: du) (v + t *: dv) - s - t * l - t ^+ 2 * (q / 2)).
  exists `|K|, (Num.min e0 1); split=> //; split=> [|t]; first by rewrite lt_min h0 ltr01 ge_min lexx orbT.
  rewrite le_min => /andP[te _]; have := h t te; rewrite /sim -/s => le.
  have su : dot u v / (norm u * norm v) = s by rewrite /norm uu vv sqrtr1 mulr1 divr1.
  move: le; rewrite /sim su => le; apply: le_trans le _; apply: ler_wpM2r; first exact: exprn_ge0.
  exact: ler_norm.
have e := O_add (expansion du dv) (O_mul (O_const (-1)) O2).
have : (q - hessian du dv) / 2 = 0.
  apply: (@O_unique (l - (across du dv - s * along du dv))).
  by apply: O_ext e => t; field.
by move/eqP; rewrite mulf_eq0 invr_eq0 pnatr_eq0 orbF subr_eq0 => /eqP.
Qed.
Lemma hessian_second du dv : second_order u v du dv (hessian du dv).
Proof.
have [K [e0 [hK [/andP[h0 _] h]]]] := expansion du dv.
exists (across du dv - s * along du dv), K, e0; split=> // t /h.
by have -> : sim u v = s by rewrite /sim /norm uu vv sqrtr1 mulr1 divr1.
Qed.

Lemma hessian_le du dv : `|hessian du dv| <= (1 + `|s|) * (dot du du + dot dv dv).
Proof.
have ha : dot u du ^+ 2 <= dot du du by have := cauchy u du; rewrite uu mul1r.
have hb : dot v dv ^+ 2 <= dot dv dv by have := cauchy v dv; rewrite vv mul1r.
have minus := dot_ge0 (du - dv - along du dv *: (u - v)).
have plus := dot_ge0 (du + dv - along du dv *: (u + v)).
move: minus plus; rewrite /hessian /across /along.
rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) (dotC du u) (dotC dv v) (dotC dv du) (dotC dv u) (dotC v du) -/s.
move: (dot u du) (dot v dv) (dot du du) (dot dv dv) (dot du dv) (dot du v) (dot u dv) s ha hb => a b A B n2 x y t ha hb minus plus.
have d1 := sqr_ge0 (a - b); have d2 := sqr_ge0 (a + b).
by rewrite ler_norml; have [t0|t0] := lerP 0 t; [rewrite ger0_norm //|rewrite ltr0_norm //]; apply/andP; split; nra.
Qed.
End Unit.
End SecondOrder.
End SecondOrder.

(* Angles: cosine and sine by their equations, and how far two vectors turn apart (lemma-1-angle, prop-1-finite). *)
Module Circle.
Import Norms Cosine.
Section Cosines.
Variable R : rcfType.

(* of two cosines x, s and of bounds C, B on them, with the sines X, Z, S, T: cos(b + r) <= cos(angles of x and s) *)
Lemma turned (x X s Z C S B T : R) : x ^+ 2 + X ^+ 2 = 1 -> s ^+ 2 + Z ^+ 2 = 1 -> C ^+ 2 + S ^+ 2 = 1 ->
  B ^+ 2 + T ^+ 2 = 1 -> 0 <= X -> 0 <= Z -> 0 <= S -> 0 <= T -> 0 <= C -> C <= x -> B <= s -> 0 <= C * T + S * B ->
  C * B - S * T <= x * s - X * Z.
Proof.
move=> hx hs hC hB X0 Z0 S0 T0 C0 Cx Bs sum.
have XS : X <= S by rewrite -(@ler_pXn2r _ 2) ?nnegrE //; clear -Cx hC hx C0; nra.
have inner : x * B - X * T <= x * s - X * Z.
  have [ZT|TZ] := lerP Z T; first by have := ler_wpM2l X0 ZT; have := ler_wpM2l (le_trans C0 Cx) Bs; clear; lra.
  have B0 : B < 0 by rewrite ltNge; apply/negP => B0; have := ltr_pM T0 T0 TZ TZ; clear -Bs hB hs B0; nra.
  have p : 0 < Z + T by clear -T0 TZ; lra.
  have k1 : 0 <= x * T + X * B.
    have := ler_wpM2r T0 Cx; have : S * B <= X * B by rewrite ler_wnM2r // ltW.
    clear -sum; lra.
  have k2 : 0 <= x * Z + X * s.
    have x0 := le_trans C0 Cx; have := ler_wpM2l x0 (ltW TZ); have := ler_wpM2l X0 Bs; clear -k1 x0; lra.
  have k3 : 0 <= (s - B) * (x * Z + X * s + (x * T + X * B)) by apply: mulr_ge0; [rewrite subr_ge0|exact: addr_ge0].
  by rewrite -subr_ge0 -(pmulr_lge0 _ p); nra.
apply: le_trans inner; have [B0|B0] := lerP 0 B.
  by have := ler_wpM2r B0 Cx; have := ler_wpM2r T0 XS; clear; lra.
have [p|p] := lerP (x + C) 0.
  have -> : x = 0 by clear -C0 Cx p; lra.
  have -> : C = 0 by clear -C0 Cx p; lra.
  by have := ler_wpM2r T0 XS; clear; lra.
have k1 : 0 <= T * x + X * B.
  have := ler_wpM2r T0 Cx; have : S * B <= X * B by rewrite ler_wnM2r // ltW.
  clear -sum; lra.
have k2 : 0 <= (S - X) * (T * x + X * B + (C * T + S * B)) by apply: mulr_ge0; [rewrite subr_ge0|exact: addr_ge0].
by rewrite -subr_ge0 -(pmulr_lge0 _ p); clear -k1 sum XS hC hx B0; nra.
Qed.

Lemma gram3 n (u v w : 'rV[R]_n) : u != 0 -> v != 0 -> w != 0 ->
  (sim u w - sim v u * sim v w) ^+ 2 <= (1 - sim v u ^+ 2) * (1 - sim v w ^+ 2).
Proof.
move=> hu hv hw; rewrite !sim_hat.
have a := hat1 hu; have b := hat1 hv; have c := hat1 hw.
move: (hat u) (hat v) (hat w) a b c => p q r a b c.
have := cauchy (p - dot q p *: q) (r - dot q r *: q).
by rewrite !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) (dotC p q) (dotC r q) a b c; clear; lra.
Qed.

Variables (cos sin : R -> R) (pi : R).
Hypothesis circle : circular cos sin pi.

Lemma cosD a b : cos (a + b) = cos a * cos b - sin a * sin b. Proof. by case: circle => _ _ []. Qed.
Lemma sinD a b : sin (a + b) = sin a * cos b + cos a * sin b. Proof. by case: circle => _ _ []. Qed.
Lemma one a : cos a ^+ 2 + sin a ^+ 2 = 1. Proof. by case: circle. Qed.
Lemma pi_gt0 : 0 < pi. Proof. by case: circle => -[]. Qed.
Lemma cos_pi : cos pi = -1. Proof. by case: circle => -[]. Qed.
Lemma sin_ge0 a : 0 <= a <= pi -> 0 <= sin a. Proof. by case: circle => _ _ _ _; apply. Qed.
Lemma cos_lt a b : 0 <= a -> a < b -> b <= pi -> cos b < cos a. Proof. by case: circle => _ _ _ h _; exact: h. Qed.
Lemma cos0 : cos 0 = 1.
Proof.
have := cosD 0 0; have := sinD 0 0; have := one 0; rewrite addr0; move: (cos 0) (sin 0) => c s h1 h2 h3.
have : (c - 1) * (2 * c + 1) = 0 by clear -h1 h3; nra.
move/eqP; rewrite mulf_eq0 => /orP[/eqP|/eqP h]; first by lra.
have : s * (1 - 2 * c) = 0 by clear -h2; lra.
by move/eqP; rewrite mulf_eq0 => /orP[/eqP|/eqP] k; nra.
Qed.
Lemma sin0 : sin 0 = 0.
Proof. by have := one 0; rewrite cos0 expr1n => /eqP; rewrite -subr_eq0 addrAC subrr add0r sqrf_eq0 => /eqP. Qed.
Lemma sin_pi : sin pi = 0.
Proof. by have := one pi; rewrite cos_pi sqrrN expr1n => /eqP; rewrite -subr_eq0 addrAC subrr add0r sqrf_eq0 => /eqP. Qed.
Lemma opposite a : cos (- a) = cos a /\ sin (- a) = - sin a.
Proof.
have := cosD a (- a); have := sinD a (- a); rewrite subrr cos0 sin0 => h2 h1; have h := one a.
move: (cos a) (sin a) (cos (- a)) (sin (- a)) h h1 h2 => c s c' s' h h1 h2; split.
  rewrite -[LHS]mulr1 -h (_ : c' * _ = c * (c * c' - s * s') + s * (s * c' + c * s')); last by ring.
  by rewrite -h1 -h2; ring.
rewrite -[LHS]mulr1 -h (_ : s' * _ = c * (s * c' + c * s') - s * (c * c' - s * s')); last by ring.
by rewrite -h1 -h2; ring.
Qed.
Lemma cosN a : cos (- a) = cos a. Proof. by case: (opposite a). Qed.
Lemma sinN a : sin (- a) = - sin a. Proof. by case: (opposite a). Qed.
Lemma cos_half : cos (pi / 2) = 0.
Proof.
have := cosD (pi / 2) (pi / 2); have := one (pi / 2); have -> : pi / 2 + pi / 2 = pi by lra.
rewrite cos_pi => h1 h2; have : cos (pi / 2) ^+ 2 = 0 by lra.
by move/eqP; rewrite sqrf_eq0 => /eqP.
Qed.
Lemma cos_supplement a : cos (pi - a) = - cos a.
Proof. by rewrite cosD cosN sinN cos_pi sin_pi; lra. Qed.
Lemma cos_le a b : 0 <= a <= pi -> 0 <= b <= pi -> cos a <= cos b -> b <= a.
Proof. by move=> /andP[a0 a1] /andP[b0 b1] h; rewrite leNgt; apply/negP => /(cos_lt a0) /(_ b1); rewrite ltNge h. Qed.

(* an arcsine of a number that is not negative *)
Lemma arcsin_ge0 p r : 0 <= p -> arcsin sin pi p r -> 0 <= r <= pi / 2 /\ 0 <= cos r.
Proof.
move=> p0 [/andP[r1 r2] e]; have P := pi_gt0.
have c0 : 0 <= cos r.
  have [z|z] := lerP 0 r.
    rewrite -cos_half; have [<-|ne] := eqVneq r (pi / 2); first exact: lexx.
    by apply/ltW/cos_lt => //; [rewrite lt_def eq_sym ne|clear -P ne; lra].
  rewrite -cosN -cos_half; have [<-|ne] := eqVneq (- r) (pi / 2); first exact: lexx.
  by apply/ltW/cos_lt; [lra|rewrite lt_def eq_sym ne /=; lra|lra].
split=> //; rewrite r2 andbT leNgt; apply/negP => z.
have s0 : 0 <= sin (- r) by apply: sin_ge0; clear -z r1; lra.
rewrite sinN e in s0; have s1 : sin r = 0 by clear -p0 s0 e; lra.
have := cos_lt (lexx 0) (_ : 0 < - r) (_ : - r <= pi); rewrite cosN cos0 => /(_ ltac:(lra)) /(_ ltac:(lra)).
have := one r; rewrite s1 expr0n addr0 /= => h1 h2; clear -c0 h1 h2; nra.
Qed.

(* an increment turns a vector by at most the arcsine of its relative length *)
Lemma near_cos n (u du : 'rV[R]_n) p r : u != 0 -> u + du != 0 -> norm du <= p * norm u -> p <= 1 -> arcsin sin pi p r ->
  cos r <= sim u (u + du).
Proof.
move=> hu hu' hp p1 hr; have pu := norm_gt0 hu; have pv := norm_gt0 hu'.
have p0 : 0 <= p by have := le_trans (norm_ge0 du) hp; rewrite pmulr_lge0.
have [_ c0] := arcsin_ge0 p0 hr; have [_ e] := hr; have := one r; rewrite e => hone.
have dE : norm du ^+ 2 = norm (u + du) ^+ 2 - 2 * (sim u (u + du) * (norm u * norm (u + du))) + norm u ^+ 2.
  rewrite /sim divfK ?mulf_neq0 ?gt_eqF // !norm_sq !(dotDl, dotDr) (dotC du u); ring.
have dp : norm du ^+ 2 <= p ^+ 2 * norm u ^+ 2 by rewrite -exprMn ler_pXn2r ?nnegrE ?norm_ge0 // mulr_ge0 // ltW.
move: (sim _ _) (norm u) (norm (u + du)) dE dp pu pv => x a b -> dp pu pv.
have x0 : 0 <= x.
  rewrite -(pmulr_lge0 _ (mulr_gt0 pu pv)); have : p ^+ 2 <= 1 by rewrite expr_le1.
  have := sqr_ge0 a; have := sqr_ge0 b; clear -dp; nra.
rewrite -(@ler_pXn2r _ 2) ?nnegrE //.
have pa : 0 < a ^+ 2 by rewrite exprn_gt0.
rewrite -(ler_pM2l pa); have := sqr_ge0 (b - x * a); clear -hone dp; nra.
Qed.

Section Turn.
Variables (n : nat) (u v u' v' : 'rV[R]_n) (a r t : R).
Hypotheses (hu : u != 0) (hv : v != 0) (hu' : u' != 0) (hv' : v' != 0).
Hypotheses (ha : angle cos pi u v a) (hr : 0 <= r <= pi / 2) (ht : 0 <= t <= pi / 2).
Hypotheses (cr : cos r <= sim u u') (ct : cos t <= sim v v').

Lemma step_cos m (p q w : 'rV[R]_m) b s : p != 0 -> q != 0 -> w != 0 -> 0 <= b -> 0 <= s <= pi / 2 -> b + s <= pi ->
  cos b <= sim p q -> cos s <= sim q w -> cos (b + s) <= sim p w.
Proof.
move=> hp hq hw b0 /andP[s0 s1] bs cb cs; have P := pi_gt0.
have g := gram3 hp hq hw; rewrite (simC p q) in g.
have i1 : - 1 <= sim p q <= 1 by rewrite -ler_norml sim_le1.
have i2 : - 1 <= sim q w <= 1 by rewrite -ler_norml sim_le1.
move: (sim p q) (sim q w) (sim p w) cb cs g i1 i2 => y x z cb cs g /andP[y0 y1] /andP[x0 x1].
pose X := Num.sqrt (1 - x ^+ 2); pose Y := Num.sqrt (1 - y ^+ 2).
have XX : x ^+ 2 + X ^+ 2 = 1 by rewrite sqr_sqrtr; [lra|nra].
have YY : y ^+ 2 + Y ^+ 2 = 1 by rewrite sqr_sqrtr; [lra|nra].
have low : x * y - X * Y <= z.
  have : `|z - y * x| <= X * Y.
    rewrite -(@ler_pXn2r _ 2) ?nnegrE ?normr_ge0 ?mulr_ge0 ?sqrtr_ge0 // real_normK ?num_real // exprMn.
    by have -> : X ^+ 2 = 1 - x ^+ 2 by [lra]; have -> : Y ^+ 2 = 1 - y ^+ 2 by [lra]; lra.
  by rewrite ler_norml; lra.
apply: le_trans low; rewrite cosD.
have c0 : 0 <= cos s.
  rewrite -cos_half; have [->|ne] := eqVneq s (pi / 2); first exact: lexx.
  by apply/ltW/cos_lt => //; [rewrite lt_def eq_sym ne|lra].
have S0 : 0 <= sin s by apply: sin_ge0; lra.
have B0 : 0 <= sin b by apply: sin_ge0; clear -c0 YY XX x1 x0 y1 y0 s0 b0 g bs; lra.
have BS : 0 <= sin (b + s) by apply: sin_ge0; lra.
rewrite sinD in BS.
have := turned XX YY (one s) (one b) (sqrtr_ge0 _) (sqrtr_ge0 _) S0 B0 c0 cs cb; clear -BS B0 S0 c0 YY XX x1 x0 y1 y0 s0 b0; lra.
Qed.

Lemma turn_low : cos (Num.min pi (a + (r + t))) <= sim u' v'.
Proof.
have P := pi_gt0; have [/andP[a0 a1] ea] := ha; case/andP: (hr) => r0 r1; case/andP: (ht) => t0 t1.
rewrite minElt; case: ifP => [_|/negbT]; first by rewrite cos_pi; have := sim_le1 hu' hv'; rewrite ler_norml => /andP[].
rewrite -leNgt addrA => small.
apply: (step_cos hu' hv) => //; [by rewrite addr_ge0|].
rewrite simC; apply: (step_cos hv hu) => //; [clear -ea cr r1 a1 hr t0 P hv' hu small; lra|by rewrite simC ea].
Qed.
End Turn.

Theorem turn_interval n (u v u' v' : 'rV[R]_n) a r t : u != 0 -> v != 0 -> u' != 0 -> v' != 0 ->
  angle cos pi u v a -> 0 <= r <= pi / 2 -> 0 <= t <= pi / 2 -> cos r <= sim u u' -> cos t <= sim v v' ->
  cos (Num.min pi (a + (r + t))) <= sim u' v' <= cos (Num.max (a - (r + t)) 0).
Proof.
move=> hu hv hu' hv' ha hr ht cr ct; rewrite (turn_low hu hv hu' hv' ha hr ht cr ct) /=.
have P := pi_gt0; have [/andP[a0 a1] ea] := ha; case/andP: (hr) => r0 r1; case/andP: (ht) => t0 t1.
have nv : - v != 0 by rewrite oppr_eq0. have nv' : - v' != 0 by rewrite oppr_eq0.
have simNr (x y : 'rV[R]_n) : sim x (- y) = - sim x y by rewrite /sim dotNr normN mulNr.
have simNN (x y : 'rV[R]_n) : sim (- x) (- y) = sim x y by rewrite /sim dotNr dotNl opprK !normN.
have ha' : angle cos pi u (- v) (pi - a) by split; [lra|rewrite cos_supplement simNr ea].
have := @turn_low _ u (- v) u' (- v') (pi - a) r t hu nv hu' nv' ha' hr ht cr; rewrite simNN => /(_ ct).
rewrite simNr; have [le0|gt0] := lerP (a - (r + t)) 0.
  by move=> _; rewrite cos0; have := sim_le1 hu' hv'; rewrite ler_norml => /andP[].
have -> : Num.min pi (pi - a + (r + t)) = pi - (a - (r + t)) by rewrite min_r; clear -gt0; lra.
by rewrite cos_supplement; clear; lra.
Qed.
End Cosines.
End Circle.
