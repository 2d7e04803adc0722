"""What a training says at its end: where things are, and the next command."""

import shlex

from keras_sphere.preset_files.run_folders import newest_preset


def say_end(folder, plan):
    """Prints where a finished or stopped run left picture and model, and what to do.

    Args:
        folder: `pathlib.Path` of the run.
        plan: `TrainingPlan`.
    """
    rows = []
    pictures = sorted((folder / "pictures").glob("samples-epoch-*.png"))
    if pictures:
        rows.append(("picture", pictures[-1]))
    try:
        rows.append(("model", newest_preset(folder)))
    except FileNotFoundError:
        pass
    else:
        name = shlex.quote(str(folder))
        classes = (
            " --classes=all" if 0 < plan.architecture["num_classes"] <= 100 else ""
        )
        prompts = " --prompts=TEXT" if plan.architecture.get("embedder") else ""
        command = f"python -m keras_sphere generate --preset={name}{classes}{prompts}"
        rows.append(("next", command))
    for what, value in rows:
        print(f"  {what:7}  {value}")
