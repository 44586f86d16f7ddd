(* The shipped witnesses. Rendered from their files by `python -m proofs`: not to be edited. *)
From Coq Require Import QArith.
From mathcomp Require Import all_ssreflect.
From ioadapt Require Import Exact.
Import Witness.

Definition ce1 : witness := Witness
  2
  2
  2
  2
  2
  2
  1
  [:: [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (3) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (3) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (1) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (-1) 1)]
  [:: [:: (Qmake (1) 1)]; [:: (Qmake (0) 1)]]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1)]
  (Qmake (3) 1)
  (Qmake (3) 1)
  [::].

Definition ce2 : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (-1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (2) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (-2) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (2) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (-2) 1); (Qmake (0) 1)]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (-1) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (5) 1)
  (Qmake (5) 1)
  [::].

Definition ce3 : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (-3) 2); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (-1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (3) 2); (Qmake (-1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (3) 5); (Qmake (4) 5); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (3) 5); (Qmake (4) 5); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]; [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1)
  [:: ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1))].

Definition ce4_input : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (-1) 1); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]; [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1)
  [::].

Definition ce4_lora : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (-1) 1); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]; [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1)
  [:: ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1))].

Definition ce4_output : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (-1) 1); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]; [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1)
  [::].

Definition ce5 : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (0) 1); (Qmake (-1) 1000); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1)]; [:: (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1000)
  [:: ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1000), (Qmake (1) 1000))].

Definition prop_1_frobenius : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (-99) 10); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (-1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (99) 10); (Qmake (-1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (99) 101); (Qmake (20) 101); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]
  [:: (Qmake (99) 101); (Qmake (20) 101); (Qmake (0) 1)]
  [:: [:: (Qmake (0) 1); (Qmake (3) 5)]; [:: (Qmake (4) 5); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (16) 25), [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]); ((Qmake (9) 25), [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]); ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (1) 1)
  (Qmake (1) 1)
  [:: ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1)); ((Qmake (1) 1), (Qmake (1) 1))].

Definition prop_2_output_frobenius : witness := Witness
  3
  3
  3
  3
  3
  3
  2
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]; [:: (Qmake (-1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)]]
  [:: (Qmake (1) 1); (Qmake (5) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (-5) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (5) 1); (Qmake (0) 1)]
  [:: (Qmake (1) 1); (Qmake (-5) 1); (Qmake (0) 1)]
  [:: [:: (Qmake (3) 5); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (-4) 5)]; [:: (Qmake (0) 1); (Qmake (0) 1)]]
  [:: [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]; [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]]
  [:: ((Qmake (16) 25), [:: (Qmake (1) 1); (Qmake (0) 1); (Qmake (0) 1)]); ((Qmake (9) 25), [:: (Qmake (0) 1); (Qmake (1) 1); (Qmake (0) 1)]); ((Qmake (1) 1), [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (1) 1)])]
  [:: (Qmake (0) 1); (Qmake (0) 1); (Qmake (0) 1)]
  (Qmake (26) 1)
  (Qmake (26) 1)
  [::].
