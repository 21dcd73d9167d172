"""The table of tasks that can be evaluated: a new task is one entry here."""

from streamer.evaluation import (
    agreement,
    captions,
    commands,
    entities,
    music,
    sentiment,
    summary,
    translation,
)

TASKS = {
    task.name: task
    for task in (
        captions.TASK,
        commands.TASK,
        entities.TASK,
        sentiment.TASK,
        summary.TASK,
        translation.TASK,
        music.TASK,
        agreement.TASK,
    )
}
