"""The table of tasks that can be evaluated: a new task is one entry here."""

from streamer.evaluation import captions, commands, music, summary
from streamer.evaluation.job import Task

TASKS = {task.name: task for task in (captions.TASK, commands.TASK, music.TASK, summary.TASK)}
