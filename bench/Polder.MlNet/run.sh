#!/usr/bin/env bash
# ML.NET on the four sets of photos, 10 and 20 images a class, seeds 0 to 4, on one processor: run.sh DATA OUT
# DATA has butterflies10, flowers12, scene15 and caltech101; OUT gets lists/SET/10-0.csv and so on, and SET.json. What is there is not done again.
set -eu
[ $# -eq 2 ] && [ -d "$1" ] || { echo "run.sh DATA OUT: a folder with the sets, and one for lists and results" >&2; exit 2; }
data=$(cd "$1" && pwd) && mkdir -p "$2" && out=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."
dotnet build -c Release -v quiet bench/Polder.Benchmarks
dotnet build -c Release -v quiet bench/Polder.MlNet
for part in butterflies10 flowers12/train scene15/train caltech101; do
    set=${part%/train}
    [ ! -f "$out/$set.json" ] || continue
    for count in 10 20; do
        dotnet run -c Release --no-build --project bench/Polder.Benchmarks -- \
            lists --data "$data/$part" --per-class $count --seeds 5 --out "$out/lists/$set"
    done
    DOTNET_PROCESSOR_COUNT=1 taskset -c 0 dotnet run -c Release --no-build --project bench/Polder.MlNet -- --list "$out/lists/$set" --json "$out/$set.json"
done
