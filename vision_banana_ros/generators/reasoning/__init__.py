"""Questions in words: a language model names the things, any generator that paints REFERRING paints them.

chat = load_chat("hf:FOLDER")                          or gemini:MODEL, http:URL#MODEL
answer(frame, "what could I sit on?", chat, painter)   -> Answered: the sentence, the expressions, the canvas
PresenceGenerator(painter, chat)                       -> a Generator for which absent things paint nothing
"""

from vision_banana_ros.generators.reasoning.chats import Chat, load_chat
from vision_banana_ros.generators.reasoning.presence import Presence, PresenceGenerator
from vision_banana_ros.generators.reasoning.questions import Answered, Reasoned, answer, reason

__all__ = ["Answered", "Chat", "Presence", "PresenceGenerator", "Reasoned", "answer", "load_chat", "reason"]
