"""What people say to stop and to start, in the languages in which templates can be written."""

import unicodedata
from enum import StrEnum

from msgspec import Struct


class Wish(StrEnum):
    """What somebody wants to hear from us."""

    STOP = "stop"
    START = "start"


class Heard(Struct, frozen=True):
    """A wish, and the language in which it was said."""

    wish: Wish
    language: str


_WORDS = """
en: stop, stop all, unsubscribe, opt out, optout, opt-out, remove me / start, subscribe, unstop, opt in
af: stop, staak, hou op, teken uit / begin, teken in
sq: ndalo, çregjistrohu / fillo, regjistrohu
ar: إيقاف, ايقاف, توقف, أوقف, إلغاء الاشتراك, الغاء الاشتراك / اشتراك, ابدأ, استئناف
az: dayan, dayandır, abunəliyi ləğv et / başla, abunə ol
be: спыніць, адпісацца / пачаць, падпісацца
bn: বন্ধ, বন্ধ করুন, থামুন / শুরু, শুরু করুন
bg: спри, отпиши, отпиши ме / започни, абонирай, абонирай ме
ca: atura, baixa, donar-me de baixa / alta, començar
zh: 停止, 退订, 取消订阅, 退訂, 取消訂閱 / 开始, 订阅, 開始, 訂閱
hr: zaustavi, odjava, odjavi me / pokreni, prijava, prijavi me
cs: zastavit, odhlásit, odhlásit se / začít, přihlásit, přihlásit se
da: afmeld, afmeld mig / tilmeld, tilmeld mig
prs: توقف, لغو اشتراک / آغاز, اشتراک
nl: afmelden, uitschrijven, stoppen / aanmelden, inschrijven, starten
et: lõpeta, peata, loobu / alusta, telli
fil: itigil, ihinto, tumigil / simulan, magsimula
fi: lopeta, peruuta tilaus / aloita, tilaa
fr: arrêt, arrêter, stopper, désabonner, se désabonner, désinscription / commencer, m'abonner, reprendre
ka: შეჩერება, გაუქმება / დაწყება, გამოწერა
de: stopp, abmelden, abbestellen, austragen / anmelden, abonnieren, starten
el: διακοπή, σταμάτα, διαγραφή / έναρξη, εγγραφή, ξεκίνα
gu: બંધ, બંધ કરો, રોકો / શરૂ, શરૂ કરો
ha: tsaya, dakata, daina / fara, ci gaba
he: הסר, הסירו, הסרה, עצור, הפסק / התחל, הצטרף, הרשמה
hi: रोकें, रोको, बंद करें, बंद करो / शुरू, शुरू करें, शुरू करो
hu: állj, leiratkozás, leiratkozom / indítás, feliratkozás, feliratkozom
id: berhenti, henti, berhenti berlangganan / mulai, berlangganan
ga: stad, díliostáil / tosaigh, liostáil
it: ferma, fermati, basta, cancellami, disiscrivimi, annulla iscrizione / inizia, iscrivimi, riprendi
ja: 停止, 配信停止, 登録解除 / 開始, 配信再開, 登録
kn: ನಿಲ್ಲಿಸಿ, ನಿಲ್ಲಿಸು / ಪ್ರಾರಂಭಿಸಿ, ಶುರು
kk: тоқтату, тоқта, жазылымнан бас тарту / бастау, жазылу
rw: hagarika, kuvaho / tangira, iyandikishe
ko: 중지, 수신거부, 구독취소, 정지 / 시작, 수신동의, 구독
ky: токтотуу, токто / баштоо, жазылуу
lo: ຢຸດ, ຍົກເລີກ / ເລີ່ມ, ສະໝັກ
lv: pārtraukt, atteikties, apturēt / sākt, pieteikties
lt: stabdyti, atsisakyti, sustabdyti / pradėti, prenumeruoti
mk: запри, одјави, одјави ме / започни, пријави, пријави ме
ms: berhenti, henti / mula, langgan
ml: നിർത്തുക, നിർത്തൂ / തുടങ്ങുക, ആരംഭിക്കുക
mr: थांबवा, थांबा, बंद करा / सुरू करा, सुरू
nb: avmeld, meld meg av, stopp / påmeld, meld meg på
ps: ودروئ, ودرېږئ, بند کړئ / پیل, پیل کړئ
fa: توقف, لغو, لغو اشتراک / شروع, عضویت
pl: zatrzymaj, wypisz, wypisz mnie, rezygnuję / rozpocznij, zapisz, zapisz mnie
pt: parar, pare, sair, cancelar inscrição, descadastrar / começar, iniciar, inscrever, voltar
pa: ਬੰਦ ਕਰੋ, ਰੋਕੋ / ਸ਼ੁਰੂ ਕਰੋ, ਸ਼ੁਰੂ
ro: oprește, opreste, oprire, dezabonare, dezabonează-mă / pornește, porneste, abonare, abonează-mă
ru: стоп, остановить, отписаться, отписка / старт, начать, подписаться
sr: заустави, одјава, одјави ме, zaustavi, odjava / почни, пријава, пријави ме, počni, prijava
si: නවත්වන්න, නවතන්න / ආරම්භ කරන්න, පටන් ගන්න
sk: zastaviť, odhlásiť, odhlásiť sa / začať, prihlásiť, prihlásiť sa
sl: ustavi, odjava, odjavi me / začni, prijava, prijavi me
es: alto, baja, darse de baja, dar de baja, cancelar suscripción / alta, darse de alta, empezar, suscribirme
sw: acha, simamisha, komesha, jiondoe / anza, jiunge
sv: avregistrera, avsluta, avanmäl, stoppa / starta, anmäl, registrera
ta: நிறுத்து, நிறுத்தவும் / தொடங்கு, தொடங்கவும்
te: ఆపండి, ఆపు, నిలిపివేయండి / ప్రారంభించండి, ప్రారంభించు
th: หยุด, ยกเลิก, ยกเลิกการรับข่าวสาร / เริ่ม, สมัคร, สมัครรับข่าวสาร
tr: dur, durdur, abonelikten çık, abonelik iptal / başlat, başla, abone ol
uk: стоп, зупинити, відписатися, відписка / старт, почати, підписатися
ur: بند کریں, روکیں, ان سبسکرائب / شروع کریں, سبسکرائب
uz: to'xtat, to'xtatish, obunani bekor qilish / boshla, boshlash, obuna bo'lish
vi: dừng, dừng lại, hủy đăng ký, huỷ đăng ký / bắt đầu, đăng ký
zu: misa, yima, phuma / qala, joyina
"""

_REPLIES = {
    "en": (
        "You will get no more marketing messages from us. Reply START to hear from us again.",
        "You will hear from us again. Reply STOP at any time to end this.",
    ),
    "es": (
        "No recibirá más mensajes promocionales. Responda ALTA para volver a recibirlos.",
        "Volverá a recibir nuestros mensajes. Responda BAJA cuando quiera para dejar de recibirlos.",
    ),
    "pt": (
        "Você não receberá mais mensagens promocionais. Responda VOLTAR para recebê-las de novo.",
        "Você voltará a receber nossas mensagens. Responda PARAR quando quiser para encerrar.",
    ),
    "fr": (
        "Vous ne recevrez plus nos messages promotionnels. Répondez REPRENDRE pour les recevoir à nouveau.",
        "Vous recevrez à nouveau nos messages. Répondez STOP à tout moment pour les arrêter.",
    ),
    "de": (
        "Sie erhalten keine Werbenachrichten mehr. Mit START erhalten Sie sie wieder.",
        "Sie erhalten wieder Nachrichten von uns. Mit STOPP beenden Sie das jederzeit.",
    ),
    "it": (
        "Non riceverai più messaggi promozionali. Rispondi RIPRENDI per riceverli di nuovo.",
        "Riceverai di nuovo i nostri messaggi. Rispondi STOP in qualsiasi momento per interromperli.",
    ),
    "nl": (
        "U ontvangt geen reclameberichten meer. Antwoord START om ze weer te ontvangen.",
        "U ontvangt onze berichten weer. Antwoord STOP om daarmee op te houden.",
    ),
    "ar": (
        "لن تصلك رسائل ترويجية منا بعد الآن. أرسل «اشتراك» لتصلك من جديد.",
        "ستصلك رسائلنا من جديد. أرسل «إيقاف» في أي وقت لإيقافها.",
    ),
    "he": (
        "לא יישלחו אליך עוד הודעות שיווקיות. אפשר להשיב «הצטרף» כדי לקבל אותן שוב.",
        "הודעותינו יישלחו אליך שוב. אפשר להשיב «הסר» בכל עת.",
    ),
    "hi": (
        "अब आपको हमारे प्रचार संदेश नहीं मिलेंगे। फिर से पाने के लिए START लिखें।",
        "आपको हमारे संदेश फिर से मिलेंगे। बंद करने के लिए कभी भी STOP लिखें।",
    ),
    "id": (
        "Anda tidak akan menerima pesan promosi lagi. Balas MULAI untuk menerimanya kembali.",
        "Anda akan menerima pesan kami kembali. Balas BERHENTI kapan saja untuk berhenti.",
    ),
    "tr": (
        "Artık tanıtım mesajı almayacaksınız. Yeniden almak için BAŞLAT yazın.",
        "Mesajlarımızı yeniden alacaksınız. Durdurmak için DUR yazın.",
    ),
    "ru": (
        "Вы больше не будете получать рекламные сообщения. Ответьте СТАРТ, чтобы получать их снова.",
        "Вы снова будете получать наши сообщения. Ответьте СТОП, чтобы прекратить.",
    ),
    "ja": (
        "今後、宣伝のメッセージは届きません。再開するには「配信再開」と返信してください。",
        "メッセージの配信を再開します。停止するには「配信停止」と返信してください。",
    ),
    "zh": (
        "您将不再收到我们的推广消息。回复“订阅”可重新接收。",
        "您将重新收到我们的消息。随时回复“退订”即可停止。",
    ),
    "ko": (
        "더 이상 광고 메시지를 받지 않습니다. 다시 받으려면 '수신동의'라고 답장해 주세요.",
        "메시지를 다시 받습니다. 언제든지 '수신거부'라고 답장하면 중지됩니다.",
    ),
}
"""The one confirmation of a stop and of a start; other languages are answered in English."""


def _plain(text: str) -> str:
    """As words are compared: composed, without case, outer white space and closing punctuation."""
    # Turkish capitals: I is the capital of ı, İ of i; we take them for one letter.
    text = unicodedata.normalize("NFKC", text).casefold().replace("i\u0307", "i").replace("ı", "i")
    text = text.replace("’", "'")
    return " ".join(text.strip().strip(".!?。！¡¿\"'“”‘«»*_").split())


def _read(table: str) -> dict[str, dict[Wish, tuple[str, ...]]]:
    words: dict[str, dict[Wish, tuple[str, ...]]] = {}
    for line in table.strip().splitlines():
        language, _, both = line.partition(": ")
        stops, _, starts = both.partition(" / ")
        words[language] = {Wish.STOP: tuple(stops.split(", ")), Wish.START: tuple(starts.split(", "))}
    return words


WORDS = _read(_WORDS)
"""The words of each language, which is a template code's part before `_`."""
_HEARD: dict[str, Heard] = {}
for _language, _wishes in WORDS.items():
    for _wish, _words in _wishes.items():
        for _word in _words:
            _HEARD.setdefault(_plain(_word), Heard(_wish, _language))


def wish_in(text: str) -> Heard | None:
    """The wish that is the whole message; a longer sentence is for a person to read, not for us to guess.

    A word of several languages counts as the first one's.
    """
    return _HEARD.get(_plain(text)) if len(text) <= 64 else None


def confirmation(heard: Heard) -> str:
    """What is answered, once, in the language of the wish."""
    stopped, started = _REPLIES.get(heard.language, _REPLIES["en"])
    return stopped if heard.wish is Wish.STOP else started
