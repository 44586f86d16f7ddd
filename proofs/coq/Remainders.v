(* The remainder of Lemma 1, with its best constant. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From mathcomp Require Import ring lra.
From ioadapt Require Import Vocabulary Rows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
have {}hz : z <= a * h + A * H by have := below (mulr_ge0 A0 H0) hz; lra.
pose g := C * B - c * b; pose G := C * b + c * B.
have {}hh : h <= g by have := below (mulr_ge0 C0 B0) hh; rewrite /g; lra.
have gG : g ^+ 2 + G ^+ 2 = 1.
  have -> : g ^+ 2 + G ^+ 2 = (C ^+ 2 + c ^+ 2) * (B ^+ 2 + b ^+ 2) by rewrite /g /G; ring.
  by rewrite hC hB; ring.
have G0 : 0 <= G by rewrite /G addr_ge0 // mulr_ge0 // ltW.
have Ba : B <= a by apply: below; [exact: ltW|lra].
have C1 : C <= 1 by apply: below => //; nra.
have ga : g <= a.
  have : C * B <= B by rewrite ler_piMl.
  have : 0 <= c * b by rewrite mulr_ge0 // ltW.
  rewrite /g; lra.
have turn k K : 0 <= K -> k ^+ 2 + K ^+ 2 = 1 -> k <= a -> A * k <= a * K.
  move=> K0 kK ka; have [k0|k0] := lerP k 0.
    apply: (@le_trans _ _ 0); first by rewrite mulr_ge0_le0.
    by rewrite mulr_ge0 // ltW.
  have AK : A <= K by apply: below => //; nra.
  apply: (@le_trans _ _ (A * a)); first by rewrite ler_wpM2l.
  by rewrite mulrC ler_wpM2l // ltW.
have hH1 : h ^+ 2 + H ^+ 2 = 1 by rewrite hH; ring.
have ha : h <= a by apply: le_trans ga.
have t1 := turn _ _ H0 hH1 ha; have t2 := turn _ _ G0 gG ga.
have step : a * h + A * H <= a * g + A * G.
  have [HG|GH] := lerP H G.
    by rewrite lerD // ler_wpM2l // ltW.
  have pos : 0 < H + G by lra.
  have e : (g - h) * (g + h) = (H - G) * (H + G) by have := hH1; have := gG; nra.
  suff : A * (H - G) * (H + G) <= a * (g - h) * (H + G) by rewrite ler_pM2r //; rewrite !mulrBr; lra.
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
have Ab : A <= b by apply: below; [exact: ltW|lra].
have cs0 : 0 <= cs by rewrite subr_ge0 mulrC; apply: ler_pM => //.
have small : a ^+ 2 + b ^+ 2 - 1 <= cs.
  have -> : a ^+ 2 + b ^+ 2 - 1 = cs * (a * b + A * B).
    have -> : cs * (a * b + A * B) = a ^+ 2 * b ^+ 2 - A ^+ 2 * B ^+ 2 by rewrite /cs; ring.
    by rewrite hA hB; ring.
  rewrite ler_piMr //; have := sqr_ge0 (a - b); have := sqr_ge0 (A - B); nra.
have := sqr_ge0 (c - cs); have := sqr_ge0 (C - sn).
have : c * (a ^+ 2 + b ^+ 2 - 1) <= c * cs by rewrite ler_wpM2l.
nra.
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
have c1 : c <= 1 by apply: below => //; nra.
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
  by rewrite E0 F0 ![dot _ 0]dotC !dot0l /K cz; lra.
have {cp} c_pos : 0 < c by rewrite lt_def cp.
have K0 : 0 < K by rewrite /K mulr_gt0 //; lra.
pose N := Num.sqrt (8 * c * K).
have N0 : 0 < N by rewrite sqrtr_gt0; nra.
have NN : N ^+ 2 = 8 * c * K by rewrite sqr_sqrtr //; nra.
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
  move: lx ly; move: (Num.max (dot x e) 0 ^+ 2) (Num.max (dot y f) 0 ^+ 2) => a b; lra.
have sq (w : R) : `|w| <= 1 -> 0 <= Num.max w 0 ^+ 2 <= 1.
  move=> hw; rewrite sqr_ge0 /=; have [|w0] := lerP w 0; first by rewrite expr0n.
  by rewrite -real_normK ?num_real // expr_le1.
have easy : Num.max (dot x e) 0 ^+ 2 + Num.max (dot y f) 0 ^+ 2 <= 1 ->
  2 * c * (Num.max (dot x e) 0 ^+ 2 + Num.max (dot y f) 0 ^+ 2 - 1) <= 1 - dot x y.
  move=> small; apply: (@le_trans _ _ 0); last by lra.
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
have c1 : c <= 1 by apply: below => //; nra.
pose F := (1 + 2 * c) *: v - u; pose K := c * (1 + c); rewrite -/K => kK.
have K0 : 0 < K by rewrite /K mulr_gt0 //; lra.
have K2 : K <= 2 by rewrite /K; nra.
have FF : dot F F = 8 * c * K.
  by rewrite /F /K !(dotDl, dotDr, dotNl, dotNr, dotZl, dotZr) uu vv (dotC v u) sE; ring.
have FF0 : 0 < dot F F by rewrite FF; apply: mulr_gt0 => //; lra.
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
  by apply/andP; split; rewrite gt_eqF //; lra.
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
have step1 : 8 * c * K * eta <= 16 * eta by rewrite ler_pM2r // -mulrA; lra.
have step2 : 0 < K * eta + c <= 5 / 4.
  have : K * eta <= 2 * (1 / 16) by apply: ler_pM => //; exact: ltW.
  have : 0 < K * eta by apply: mulr_gt0.
  by move=> *; apply/andP; split; lra.
have gap : 8 * c * K * eta * (K * eta + c) <= 16 * eta * (5 / 4).
  have /andP[pos up] := step2; apply: ler_pM => //; last exact: ltW.
  by apply: mulr_ge0; [rewrite -FF dot_ge0|exact: ltW].
have : (K - k) * (1 / 4) <= (K - k) * lhs by rewrite ler_pM2l ?subr_gt0.
rewrite identity; lra.
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
  rewrite /dot !big_ord_recl big_ord0 !mxE /= addr0 -!expr2 sqr_sqrtr; [ring|nra].
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
