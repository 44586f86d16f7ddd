"""Adapters on models sharded over two processes are saved and moved completely, or rejected with one sentence."""

import subprocess
import sys
import textwrap

SCRIPT = """
    import sys, warnings
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FullyShardedDataParallel as FSDP, fully_shard
    from torch.nn.parallel import DistributedDataParallel as DDP
    from ioadapt_theory import adapt, disable, load, merge, save, transfer
    from ioadapt_theory.errors import UnsupportedError

    warnings.simplefilter("ignore")
    rank, folder = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)

    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))

    def adapted():
        return adapt(net(), target_modules=["0", "2"], placement="input", rank=2, init="random")

    def loaded(name):
        dist.barrier()
        model = net()
        load(model, f"{folder}/{name}")
        return model(x)

    def refused(call, sentence="summon_full_params"):
        try:
            call()
        except UnsupportedError as error:
            return sentence in str(error)

    x = torch.arange(24.0).reshape(3, 8) / 10
    expected = adapted()(x)
    sharded = fully_shard(adapted(), mesh=init_device_mesh("cpu", (2,)))
    with disable(sharded):
        assert torch.equal(sharded(x), net()(x))
    assert torch.equal(sharded(x), expected) and refused(lambda: merge(sharded), "FSDP manages the weights")
    save(sharded, f"{folder}/second")
    assert torch.equal(loaded("second"), expected)
    other = net()
    transfer(sharded, other)
    assert torch.equal(other(x), expected)
    empty = fully_shard(net(), mesh=init_device_mesh("cpu", (2,)))
    load(empty, f"{folder}/second")
    assert torch.equal(empty(x), expected)
    first = FSDP(adapted(), device_id=torch.device("cpu"), use_orig_params=True)
    assert refused(lambda: save(first, f"{folder}/none")) and refused(lambda: transfer(first, net()))
    with FSDP.summon_full_params(first):
        save(first, f"{folder}/first")
    assert torch.equal(loaded("first"), expected)
    parallel = DDP(adapted())
    for _ in range(20):
        save(parallel, f"{folder}/parallel")
    assert torch.equal(loaded("parallel"), expected)
    print("whole")
"""


def test_what_is_sharded_is_saved_and_moved_whole_by_all_ranks(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    ranks = [
        subprocess.Popen(
            [*command, f"{rank}", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    for rank in ranks:
        said, errors = rank.communicate(timeout=300)
        assert said == "whole\n", errors[-2000:]
    assert not (tmp_path / "none").exists()
